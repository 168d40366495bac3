#!/usr/bin/env python3
"""Runs tasks with the pymesos scheduler driver, and says whether the cluster treated it as pymesos expects.

usage: pymesos_tasks.py MASTER command N     N command tasks, all to finish
       pymesos_tasks.py MASTER custom N      N tasks of one custom executor (pymesos_executor.py), with messages both ways
       pymesos_tasks.py MASTER kill          a task that is killed
       pymesos_tasks.py MASTER decline       offers refused for a while, for ever, and asked for again
       pymesos_tasks.py MASTER failover      a second and a third scheduler take the framework over by its id

The last line begins with RESULT; the status is 0 only if everything was as it should be.
"""
import getpass, json, os, sys, threading, time, urllib.request, uuid
from pymesos import MesosSchedulerDriver, Scheduler, decode_data, encode_data

HERE = os.path.dirname(os.path.abspath(__file__))
MASTER = sys.argv[1]
DEADLINE = time.time() + 150
TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_ERROR", "TASK_DROPPED", "TASK_GONE"}


def scalar(name, value):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


SMALL = [scalar("cpus", 0.1), scalar("mem", 32)]


def framework(name, **more):
    return {"user": getpass.getuser(), "name": name, "hostname": "localhost", "checkpoint": True, "failover_timeout": 60, **more}


class Log(Scheduler):
    """Keeps everything the driver says, and lets the main thread wait for it."""

    def __init__(self):
        self.changed = threading.Condition()
        self.id, self.offers, self.states, self.messages, self.errors, self.rescinded = None, [], {}, [], [], 0

    def note(self, change):
        with self.changed:
            change()
            self.changed.notify_all()

    def until(self, what, holds, seconds=60):
        end = min(time.time() + seconds, DEADLINE)
        with self.changed:
            while not holds():
                if not self.changed.wait(end - time.time()) and time.time() >= end:
                    raise SystemExit("RESULT failed: waited in vain for %s; states %s, errors %s" % (what, self.states, self.errors))

    def registered(self, driver, framework_id, master_info):
        self.note(lambda: setattr(self, "id", framework_id["value"]))

    def reregistered(self, driver, master_info):
        self.note(lambda: setattr(self, "id", driver.framework_id))

    def resourceOffers(self, driver, offers):
        self.note(lambda: self.offers.extend((time.time(), o) for o in offers))

    def offerRescinded(self, driver, offer_id):
        self.note(lambda: setattr(self, "offers", [x for x in self.offers if x[1]["id"] != offer_id]))

    def statusUpdate(self, driver, update):
        print(update["task_id"]["value"], update["state"], update.get("reason"), update.get("message", ""), flush=True)
        self.note(lambda: self.states.setdefault(update["task_id"]["value"], []).append(update["state"]))

    def frameworkMessage(self, driver, executor_id, agent_id, data):
        self.note(lambda: self.messages.append(decode_data(data)))

    def error(self, driver, message):
        driver.stop(failover=True)      # otherwise the driver subscribes again, and takes the framework back
        self.note(lambda: self.errors.append(message))

    def offer(self):
        self.until("an offer", lambda: self.offers, 40)
        with self.changed:
            return self.offers.pop(0)


def start(log, info):
    driver = MesosSchedulerDriver(log, info, MASTER)
    driver.start()
    log.until("the subscription", lambda: log.id or log.errors, 20)
    return driver


def command(value):
    return lambda log, task: {"command": {"value": value, "environment": {"variables": [{"name": "GREETING", "value": "hello"}]}}}


def custom(log, task):
    """The executor has neither type nor framework id, as many frameworks leave them out."""
    line = "%s %s" % (sys.executable, os.path.join(HERE, "pymesos_executor.py"))
    return {"data": encode_data(("payload of " + task).encode()),
            "executor": {"executor_id": {"value": "pymesos-executor"}, "name": "pymesos", "resources": SMALL, "command": {"value": line}}}


def launch(log, driver, offer, count, body):
    tasks = []
    for _ in range(count):
        task = "task-%s" % uuid.uuid4()
        log.states[task] = []
        tasks.append({"task_id": {"value": task}, "name": task, "agent_id": offer["agent_id"], "resources": SMALL, **body(log, task)})
    driver.launchTasks(offer["id"], tasks, {"refuse_seconds": 1})
    return [t["task_id"]["value"] for t in tasks]


def room(offer):
    """How many small tasks fit, with one left over for an executor."""
    have = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if r["type"] == "SCALAR"}
    return max(0, int(min(have.get("cpus", 0) / 0.1, have.get("mem", 0) / 32) + 1e-6) - 1)


def framework_at_master(id_):
    with urllib.request.urlopen("http://%s/frameworks?framework_id=%s" % (MASTER, id_), timeout=20) as answer:
        return json.load(answer)["frameworks"][0]


def all_finish(mode, count):
    log, todo = Log(), count
    driver = start(log, framework("pymesos " + mode))
    body = custom if mode == "custom" else command('test "$GREETING" = hello && test -d "$MESOS_SANDBOX" && sleep 0.2')
    ended = lambda: sum(s[-1:] != [] and s[-1] in TERMINAL for s in log.states.values())
    while todo:
        _, offer = log.offer()
        now = min(todo, room(offer))
        if now == 0:
            driver.declineOffer(offer["id"], {"refuse_seconds": 1})
            continue
        launch(log, driver, offer, now, body)
        todo -= now
    log.until("all tasks to end", lambda: ended() == count, 140)
    if mode == "custom":
        log.until("a message for every task", lambda: len(log.messages) >= count, 20)
    until = time.time() + 20
    while (seen := framework_at_master(log.id)) and (seen["tasks"] or len(seen["completed_tasks"]) != count) and time.time() < until:
        time.sleep(0.2)     # a task is completed once its last update is acknowledged
    driver.reconcileTasks([])
    driver.suppressOffers()
    driver.reviveOffers()
    driver.stop()
    driver.join()
    histories = {tuple(s) for s in log.states.values()}
    good = sum(s[-1] == "TASK_FINISHED" and s.count("TASK_FINISHED") == 1 for s in log.states.values())
    acknowledged = len(seen["completed_tasks"])
    right = good == acknowledged == count and not seen["tasks"] and not log.errors
    return right, "%d of %d finished, %d acknowledged, %d messages, histories %s, errors %s" % (
        good, count, acknowledged, len(log.messages), histories, log.errors)


def running(log, driver):
    _, offer = log.offer()
    task = launch(log, driver, offer, 1, command("sleep 1000"))[0]
    log.until("the task to run", lambda: "TASK_RUNNING" in log.states[task], 40)
    return task


def kill():
    log = Log()
    driver = start(log, framework("pymesos kill"))
    task = running(log, driver)
    driver.killTask({"value": task})
    log.until("the task to be killed", lambda: log.states[task][-1] in TERMINAL, 30)
    driver.stop()
    driver.join()
    return log.states[task][-1] == "TASK_KILLED" and not log.errors, "states %s, errors %s" % (log.states[task], log.errors)


def decline():
    log = Log()
    driver = start(log, framework("pymesos decline"))
    _, first = log.offer()
    at = time.time()
    driver.declineOffer(first["id"], {"refuse_seconds": 3})
    came, second = log.offer()
    waited = came - at
    driver.declineOffer(second["id"], {"refuse_seconds": 4294967295})
    time.sleep(3)
    quiet = not log.offers
    at = time.time()
    driver.reviveOffers()
    came, third = log.offer()
    revived = came - at
    driver.stop()
    driver.join()
    return waited >= 2.9 and quiet and revived < 3 and not log.errors, \
        "refused for 3 s, offered after %.1f s; refused for ever: %s; revived after %.1f s; errors %s" % (waited, "quiet" if quiet else "offered", revived, log.errors)


def failover():
    first = Log()
    one = start(first, framework("pymesos failover"))
    task = running(first, one)
    second = Log()
    two = start(second, framework("pymesos failover", id={"value": first.id}))
    first.until("the first scheduler to hear of it", lambda: first.errors, 20)
    two.reconcileTasks([])
    second.until("the task's state, by reconciliation", lambda: "TASK_RUNNING" in second.states.get(task, []), 20)
    two.stop(failover=True)
    two.join()
    third = Log()
    three = start(third, framework("pymesos failover", id={"value": first.id}))
    three.killTask({"value": task})
    third.until("the task to be killed", lambda: third.states.get(task, [""])[-1] in TERMINAL, 30)
    three.stop()
    three.join()
    right = first.id == second.id == third.id and third.states[task][-1] == "TASK_KILLED" and first.errors == ["Framework failed over"]
    return right, "ids %s, first heard %s, last saw %s" % ({first.id, second.id, third.id}, first.errors, third.states)


mode = sys.argv[2]
ok, text = all_finish(mode, int(sys.argv[3])) if mode in ("command", "custom") else {"kill": kill, "decline": decline, "failover": failover}[mode]()
print("RESULT", "ok:" if ok else "failed:", text, flush=True)
os._exit(0 if ok else 1)
