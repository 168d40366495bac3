#!/usr/bin/env python3
"""Runs N command tasks with avmesos, which reads the event stream line by line.

usage: avmesos_tasks.py MASTER N        the last line begins with RESULT; status 0 only if all tasks finished
"""
import os, sys, threading, uuid
from avmesos.client import MesosClient

MASTER, COUNT = sys.argv[1], int(sys.argv[2])
changed, todo, states, driver, beats = threading.Event(), [COUNT], {}, [], [0]


def scalar(name, value):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


def task(agent):
    id_ = "av-%s" % uuid.uuid4()
    states[id_] = []
    # `shell` as a text, the way the Airflow provider writes it.
    return {"name": id_, "task_id": {"value": id_}, "agent_id": agent, "resources": [scalar("cpus", 0.1), scalar("mem", 32)],
            "command": {"shell": "true", "value": 'test "$A" = 1', "environment": {"variables": [{"name": "A", "value": "1"}]}}}


def offers(offers):
    for offer in offers:
        count, todo[0] = todo[0], 0
        if count:
            offer.accept([task(offer.get_offer()["agent_id"]) for _ in range(count)], {"Filters": {"RefuseSeconds": "0.5"}})
        else:
            offer.decline(options={"Filters": {"RefuseSeconds": 120.0}})


def update(event):
    status = event["status"]
    print(status["task_id"]["value"], status["state"], status.get("message"), flush=True)
    states.setdefault(status["task_id"]["value"], []).append(status["state"])
    if sum(s[-1:] == ["TASK_FINISHED"] for s in states.values()) == COUNT:
        changed.set()


client = MesosClient(mesos_urls=["http://" + MASTER], frameworkName="avmesos", frameworkUser="root")
client.set_role("airflow")
client.set_failover_timeout(60)
client.set_checkpoint(True)
client.on(MesosClient.SUBSCRIBED, driver.append)
client.on(MesosClient.OFFERS, offers)
client.on(MesosClient.UPDATE, update)
client.on(MesosClient.HEARTBEAT, lambda _: beats.__setitem__(0, beats[0] + 1))
threading.Thread(target=client.register, daemon=True).start()
ok = changed.wait(100) and bool(driver) and client.get_master_info() is not None
if driver:
    driver[0].suppress()
    driver[0].revive()
    driver[0].tearDown()
print("RESULT", "ok:" if ok else "failed:", sum(s[-1:] == ["TASK_FINISHED"] for s in states.values()), "of", COUNT, "finished,",
      beats[0], "heartbeats,", set(map(tuple, states.values())), flush=True)
os._exit(0 if ok else 1)
