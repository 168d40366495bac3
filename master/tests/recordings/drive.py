# The programs whose exchanges are recorded: drive.py HOST:PORT SCENE. For a Python 2.7 that has mesos.scheduler 1.11.0, Mesos' C++ driver.
# With PRINCIPAL and SECRET in the environment it authenticates.
import os, sys, threading, time
import mesos.interface, mesos.scheduler
from mesos.interface import mesos_pb2 as pb

master, scene = sys.argv[1:]


class Events(mesos.interface.Scheduler):
    def __init__(self):
        self.seen, self.there = [], threading.Condition()

    def note(self, *event):
        with self.there:
            self.seen.append(event)
            self.there.notify_all()

    def wait(self, name, *more):
        until = time.time() + 20
        with self.there:
            while True:
                for event in self.seen:
                    if event[:1 + len(more)] == (name,) + more:
                        self.seen.remove(event)
                        return event
                assert time.time() < until, (name, more, self.seen)
                self.there.wait(0.1)

    def registered(self, driver, framework, master): self.note('registered', framework.value)
    def reregistered(self, driver, master): self.note('reregistered')
    def disconnected(self, driver): self.note('disconnected')
    def resourceOffers(self, driver, offers): self.note('offers', offers)
    def offerRescinded(self, driver, offer): self.note('rescinded', offer.value)
    def statusUpdate(self, driver, status): self.note('update', pb.TaskState.Name(status.state))
    def frameworkMessage(self, driver, executor, agent, message): self.note('message', message)
    def slaveLost(self, driver, agent): self.note('lost', agent.value)
    def executorLost(self, driver, executor, agent, status): self.note('executor lost')
    def error(self, driver, message): self.note('error', message)


def framework(id=None):
    info = pb.FrameworkInfo()
    info.user, info.name, info.failover_timeout = 'root', 'recorded', 60
    if os.environ.get('PRINCIPAL'):
        info.principal = os.environ['PRINCIPAL']
    if id:
        info.id.value = id
    return info


def started(id=None):
    events, info = Events(), framework(id)
    if os.environ.get('PRINCIPAL'):
        credential = pb.Credential()
        credential.principal, credential.secret = os.environ['PRINCIPAL'], os.environ['SECRET']
        driver = mesos.scheduler.MesosSchedulerDriver(events, info, master, 1, credential)
    else:
        driver = mesos.scheduler.MesosSchedulerDriver(events, info, master)
    driver.start()
    return driver, events


def task(offer):
    task = pb.TaskInfo()
    task.task_id.value, task.name, task.slave_id.value = 'task', 'task', offer.slave_id.value
    task.command.value = 'sleep 1000'
    for name, value in (('cpus', .1), ('mem', 32)):
        resource = task.resources.add()
        resource.name, resource.type, resource.scalar.value = name, pb.Value.SCALAR, value
    return task


def life():
    driver, events = started()
    events.wait('registered')
    offer = events.wait('offers')[1][0]
    launch = pb.Offer.Operation()
    launch.type = pb.Offer.Operation.LAUNCH
    launch.launch.task_infos.extend([task(offer)])
    filters = pb.Filters()
    filters.refuse_seconds = 3600
    driver.acceptOffers([offer.id], [launch], filters)
    events.wait('update', 'TASK_STARTING')
    events.wait('update', 'TASK_RUNNING')
    status = pb.TaskStatus()
    status.task_id.value, status.slave_id.value, status.state = 'task', offer.slave_id.value, pb.TASK_RUNNING
    driver.reconcileTasks([status])
    events.wait('update', 'TASK_RUNNING')
    driver.suppressOffers()
    kill = pb.TaskID()
    kill.value = 'task'
    driver.killTask(kill)
    events.wait('update', 'TASK_KILLED')
    driver.reviveOffers()
    offer = events.wait('offers')[1][0]
    driver.declineOffer(offer.id, filters)
    time.sleep(.3)
    driver.stop()
    driver.join()


def failover():
    first, heard = started()
    id = heard.wait('registered')[1]
    second, events = started(id)
    heard.wait('error', 'Framework failed over')
    events.wait('registered', id)
    second.abort()
    time.sleep(.3)
    second.stop()
    second.join()


def subscribe():
    driver, events = started()
    with events.there:
        while not events.seen:
            events.there.wait(0.1)
    print events.seen
    time.sleep(.3)
    driver.stop()
    driver.join()


globals()[scene]()
time.sleep(1)
sys.stdout.flush()
os._exit(0)
