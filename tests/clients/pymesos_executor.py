#!/usr/bin/env python3
"""The custom executor of pymesos_tasks.py: answers each task's payload with a message and finishes it."""
import threading, time
from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class Echo(Executor):
    def launchTask(self, driver, task):
        threading.Thread(target=self.run, args=(driver, task), daemon=True).start()

    def run(self, driver, task):
        def tell(state):
            driver.sendStatusUpdate({"task_id": task["task_id"], "state": state, "timestamp": time.time()})
        tell("TASK_RUNNING")
        driver.sendFrameworkMessage(encode_data(b"got " + decode_data(task["data"])))
        tell("TASK_FINISHED")

    def error(self, driver, message):
        print("error:", message, flush=True)


driver = MesosExecutorDriver(Echo())
driver.start()
driver.join()
