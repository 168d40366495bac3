// Runs two command tasks with the npm package mesos-framework: it wants one record per chunk, and sends null for unset fields.
//
// usage: NODE_PATH=…/node_modules node npm_tasks.js HOST PORT      (writes its log under ./logs)
// The last line begins with RESULT; the status is 0 only if both tasks finished.
const { Scheduler, Mesos } = require('mesos-framework');

const [host, port] = process.argv.slice(2);
const wanted = 2;
const states = {};
let ended = false;

function end(ok, text) {
  if (ended) return;
  ended = true;
  console.log('RESULT', ok ? 'ok:' : 'failed:', text, JSON.stringify(states));
  process.exit(ok ? 0 : 1);
}

const command = new (Mesos.getMesos().CommandInfo)(null, null, true, 'echo from npm', null, null);
const scheduler = new Scheduler({
  masterUrl: host, port, frameworkName: 'npm', masterConnectionTimeout: 40, // its own 10 s are less than a heartbeat interval
  restartStates: ['TASK_LOST', 'TASK_ERROR'], logging: { level: 'warn', path: 'logs', fileName: 'npm.log' },
  tasks: { job: { priority: 1, instances: wanted, commandInfo: command, resources: { cpus: 0.2, mem: 64, ports: 1, disk: 0 } } },
});
scheduler.on('ready', () => scheduler.subscribe());
scheduler.on('subscribed', (s) => console.log('subscribed', s.frameworkId, s.mesosStreamId));
scheduler.on('error', (e) => console.log('error', e.message || e));
scheduler.on('update', (update) => {
  const { task_id, state } = update.status;
  (states[task_id.value] = states[task_id.value] || []).push(state);
  console.log(task_id.value, state);
  const finished = Object.values(states).filter((s) => s[s.length - 1] === 'TASK_FINISHED').length;
  if (finished === wanted) setTimeout(() => { scheduler.teardown(); setTimeout(() => end(true, 'both finished'), 800); }, 500);
});
setTimeout(() => end(false, 'no end in sight'), 80000);
