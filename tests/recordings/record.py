#!/usr/bin/env python3
"""Asks a running Mesos the questions of our end-to-end tests and writes down its answers.

usage: record.py MASTER_HOST:PORT AGENT_HOST:PORT OUT_DIR [SECTION...]

Without sections everything is asked, one after the other; with them only those, so that each can have a fresh master.

The master must be fresh, with exactly one agent registered that offers at least cpus:4;mem:4096;disk:10000 and the
ports 31000-32000. Nothing is normalised here: ids, times and addresses are written as they came, and the comparing
test knows which of them differ from run to run.
"""
import base64, json, os, socket, sys, threading, time

MASTER, AGENT, OUT = sys.argv[1], sys.argv[2], sys.argv[3]
JSON = [["Content-Type", "application/json"], ["Accept", "application/json"]]


# ---- HTTP, by hand, so that nothing between us and the wire tidies an answer up -----------------------------------

class Answer:
    def __init__(self, sock):
        self.file = sock.makefile("rb")
        line = self.file.readline().decode().rstrip("\r\n")
        if not line:
            raise EOFError("connection closed without an answer")
        _, status, *reason = line.split(" ", 2)
        self.status, self.reason, self.headers = int(status), " ".join(reason), []
        while (line := self.file.readline().decode("latin-1").rstrip("\r\n")):
            name, value = line.split(":", 1)
            self.headers.append([name, value.strip()])

    def header(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def chunk(self):
        size = int(self.file.readline().split(b";")[0] or b"0", 16)
        data = self.file.read(size)
        self.file.readline()
        return data

    def body(self):
        if (self.header("Transfer-Encoding") or "").lower() == "chunked":
            out = b""
            while (piece := self.chunk()):
                out += piece
            return out
        return self.file.read(int(self.header("Content-Length") or 0))


def send(to, method, path, headers=(), body=b""):
    host, port = to.rsplit(":", 1)
    sock = socket.create_connection((host, int(port)), timeout=20)
    names = [n.lower() for n, _ in headers]
    head = f"{method} {path} HTTP/1.1\r\nHost: {to}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers)
    if "content-length" not in names and "transfer-encoding" not in names:
        head += f"Content-Length: {len(body)}\r\n"
    sock.sendall(head.encode() + b"\r\n" + body)
    return sock, Answer(sock)


def text(data):
    """Bodies are text wherever they can be; otherwise base64, marked as such."""
    try:
        return {"body": data.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(data).decode()}


def ask(name, method, path, headers=(), body="", to="master", fill=None):
    """One case. `${name}` in path, headers and body is filled from `fill`; the case keeps the unfilled form."""
    def filled(s):
        for key, value in (fill or {}).items():
            s = s.replace("${%s}" % key, value)
        return s
    raw = body if isinstance(body, bytes) else filled(body).encode()
    sent = [[n, filled(v)] for n, v in headers]
    case = {"name": name, "to": to, "request": {"method": method, "path": path, "headers": [list(h) for h in headers],
                                                **(text(body) if isinstance(body, bytes) else {"body": body})}}
    try:
        sock, answer = send(AGENT if to == "agent" else MASTER, method, filled(path), sent, raw)
        if answer.header("Mesos-Stream-Id") or (answer.header("Transfer-Encoding") and "scheduler" in path):
            chunks = []
            sock.settimeout(3)
            try:
                while len(chunks) < 3 and (piece := answer.chunk()):
                    chunks.append(piece.decode())
            except (TimeoutError, OSError):
                pass
            case["response"] = {"status": answer.status, "reason": answer.reason, "headers": answer.headers, "chunks": chunks}
        else:
            case["response"] = {"status": answer.status, "reason": answer.reason, "headers": answer.headers, **text(answer.body())}
        sock.close()
    except (EOFError, TimeoutError) as error:
        case["response"] = {"none": type(error).__name__}
    return case


def write(file, what, cases):
    path = os.path.join(OUT, file)
    with open(path, "w") as out:
        json.dump({"what": what, "cases": cases}, out, indent=1, ensure_ascii=False)
        out.write("\n")
    print(file, len(cases), "cases", flush=True)


# ---- a framework on the v1 scheduler API --------------------------------------------------------------------------

class Framework:
    """A subscribed framework: a thread keeps its stream, in events and in the chunks they came in."""

    def __init__(self, info, framework=None, headers=JSON):
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if framework:
            call["framework_id"] = {"value": framework}
        self.sock, self.answer = send(MASTER, "POST", "/api/v1/scheduler", headers, json.dumps(call).encode())
        self.stream = self.answer.header("Mesos-Stream-Id")
        self.chunks, self.events, self.offers, self.ended = [], [], [], False
        self.changed = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()
        self.taken = 0
        self.id = None
        first = self.wait(lambda e: True)
        if first and first["type"] == "SUBSCRIBED":
            self.id = first["subscribed"]["framework_id"]["value"]

    def listen(self):
        self.sock.settimeout(None)
        try:
            while (piece := self.answer.chunk()):
                with self.changed:
                    self.chunks.append(piece.decode())
                    event = json.loads(piece.split(b"\n", 1)[1])
                    self.events.append(event)
                    self.offers += event.get("offers", {}).get("offers", [])
                    gone = event.get("rescind", {}).get("offer_id")
                    self.offers = [o for o in self.offers if o["id"] != gone]
                    self.changed.notify_all()
        except (OSError, ValueError):
            pass
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait(self, wanted, seconds=15):
        """The next event, from where the last `wait` stopped, for which `wanted` holds."""
        until = time.time() + seconds
        with self.changed:
            while True:
                while self.taken < len(self.events):
                    event = self.events[self.taken]
                    self.taken += 1
                    if wanted(event):
                        return event
                if self.ended or not self.changed.wait(max(0, until - time.time())) and time.time() > until:
                    return None

    def headers(self):
        return JSON + [["Mesos-Stream-Id", self.stream]]

    def call(self, type_, **more):
        call = {"framework_id": {"value": self.id}, "type": type_, **more}
        sock, answer = send(MASTER, "POST", "/api/v1/scheduler", self.headers(), json.dumps(call).encode())
        out = answer.status, answer.body().decode()
        sock.close()
        return out

    def offer(self):
        """An offer nobody has used yet."""
        until = time.time() + 20
        while not self.offers and time.time() < until:
            self.call("REVIVE")
            time.sleep(.2)
        return self.offers.pop()

    def update(self, task):
        event = self.wait(lambda e: e["type"] == "UPDATE" and e["update"]["status"]["task_id"]["value"] == task)
        if event and "uuid" in (status := event["update"]["status"]):
            self.call("ACKNOWLEDGE", acknowledge={"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]})
        return event


def scalar(name, value, **more):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, **more}


SMALL = [scalar("cpus", 0.1), scalar("mem", 32)]
PLAIN = {"user": "root", "name": "recorder"}
RICH = {"user": "root", "name": "recorder", "roles": ["web", "batch"], "hostname": "client.example",
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "TASK_KILLING_STATE"}],
        "labels": {"labels": [{"key": "a", "value": "b"}]}, "checkpoint": True, "failover_timeout": 1.5, "webui_url": "http://x/"}
HOLD = {"task_id": {"value": "hold-1"}, "name": "hold", "command": {"value": "echo hello from $MESOS_TASK_ID; sleep 300"},
        "labels": {"labels": [{"key": "k", "value": "v"}]},
        "resources": [scalar("cpus", 0.5), scalar("mem", 64),
                      {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31001}]}}]}


# ---- what is asked ------------------------------------------------------------------------------------------------

MASTER_READS = ["/version", "/health", "/state", "/slaves", "/tasks", "/frameworks", "/redirect", "/metrics/snapshot?timeout=2secs",
                "/flags", "/state-summary", "/roles", "/quota", "/weights", "/maintenance/schedule", "/maintenance/status",
                "/system/stats.json", "/files/debug"]
MASTER_CALLS = ["GET_HEALTH", "GET_FLAGS", "GET_VERSION", "GET_METRICS", "GET_LOGGING_LEVEL", "GET_STATE", "GET_AGENTS", "GET_FRAMEWORKS",
                "GET_EXECUTORS", "GET_TASKS", "GET_ROLES", "GET_MASTER", "GET_OPERATIONS", "GET_QUOTA", "GET_WEIGHTS",
                "GET_MAINTENANCE_STATUS", "GET_MAINTENANCE_SCHEDULE"]
AGENT_READS = ["/slave(1)/health", "/slave(1)/state", "/slave(1)/flags", "/slave(1)/containers", "/slave(1)/monitor/statistics"]
AGENT_CALLS = ["GET_HEALTH", "GET_FLAGS", "GET_VERSION", "GET_METRICS", "GET_LOGGING_LEVEL", "GET_STATE", "GET_CONTAINERS", "GET_FRAMEWORKS",
               "GET_EXECUTORS", "GET_TASKS", "GET_AGENT", "GET_OPERATIONS", "GET_RESOURCE_PROVIDERS"]


def operator(call):
    return json.dumps({"type": call, "get_metrics": {"timeout": {"nanoseconds": 2000000000}}} if call == "GET_METRICS" else {"type": call})


def reads():
    cases = [ask("GET " + p, "GET", p) for p in MASTER_READS]
    cases += [ask("POST /api/v1 " + c, "POST", "/api/v1", JSON, operator(c)) for c in MASTER_CALLS]
    cases += [ask("GET " + p, "GET", p, to="agent") for p in AGENT_READS]
    cases += [ask("POST /slave(1)/api/v1 " + c, "POST", "/slave(1)/api/v1", JSON, operator(c), to="agent") for c in AGENT_CALLS]
    return cases


def routing():
    A, P = "/api/v1", "application/x-protobuf"
    get = lambda p: ask("GET " + p, "GET", p)
    cases = [get(p) for p in ["/master/state", "/state/", "/master/version", "/state.json", "/master/state.json", "/nonexistent", "/", "/state/x",
                              "/health/x", "/redirect/x", "/redirect/", "/master/redirect", "/frameworks/?framework_id=none", "/tasks/?task_id=none",
                              "/slaves?slave_id=none", "/tasks?limit=0", "/tasks?limit=x", "/tasks?order=up", "/version?jsonp=f", "/tasks?jsonp=f",
                              "/api/v1/x", "/master", "/master/nonexistent", "/metrics", "/metrics/snapshot?timeout=nope", "/files/browse",
                              "/files/browse?path=/none", "/files/read?path=/none", "/files/read", "/files/download?path=/none", "/files/download",
                              "/slave(2)/state"]]
    cases += [ask(m + " " + p, m, p) for m, p in [("POST", "/slaves/x"), ("POST", "/tasks/?task_id=none"), ("DELETE", "/state"), ("PUT", "/version"),
                                                  ("POST", "/health"), ("HEAD", "/health"), ("HEAD", "/state"), ("OPTIONS", "/state"), ("POST", "/version"), ("POST", "/metrics/snapshot?timeout=2secs"),
                                                  ("POST", "/flags"), ("POST", "/redirect"), ("GET", "/teardown"), ("GET", "/api/v1"),
                                                  ("GET", "/api/v1/scheduler"), ("PUT", "/api/v1"), ("DELETE", "/quota"), ("POST", "/weights"),
                                                  ("GET", "/reserve"), ("POST", "/teardown"), ("POST", "/files/browse?path=/none")]]
    cases += [ask("POST /api/v1/operator", "POST", "/api/v1/operator", JSON, operator("GET_HEALTH")),
              ask("POST /api/v1/ with a slash", "POST", "/api/v1/", JSON, operator("GET_HEALTH")),
              ask("POST /master/api/v1", "POST", "/master/api/v1", JSON, operator("GET_HEALTH")),
              ask("gzip is used when asked for", "GET", "/state", [["Accept-Encoding", "gzip"]]),
              ask("gzip is not used for short bodies", "GET", "/version", [["Accept-Encoding", "gzip"]])]
    body = operator("GET_VERSION")
    cases += [ask("unknown call type", "POST", A, JSON, '{"type":"NO_SUCH_CALL"}'),
              ask("call type UNKNOWN", "POST", A, JSON, '{"type":"UNKNOWN"}'),
              ask("type missing", "POST", A, JSON, "{}"),
              ask("empty body", "POST", A, JSON, ""),
              ask("not JSON", "POST", A, JSON, "not json"),
              ask("half a JSON object", "POST", A, JSON, '{"type":'),
              ask("JSON, not an object", "POST", A, JSON, "[1,2]"),
              ask("JSON text", "POST", A, JSON, '"x"'),
              ask("type a number", "POST", A, JSON, '{"type":1}'),
              ask("type an object", "POST", A, JSON, '{"type":{}}'),
              ask("wrong type of a field", "POST", A, JSON, '{"type":"READ_FILE","read_file":{"path":5,"offset":"x"}}'),
              ask("required fields missing", "POST", A, JSON, '{"type":"READ_FILE","read_file":{}}'),
              ask("sub-message missing", "POST", A, JSON, '{"type":"READ_FILE"}'),
              ask("LIST_FILES of no such path", "POST", A, JSON, '{"type":"LIST_FILES","list_files":{"path":"/none"}}'),
              ask("READ_FILE of no such path", "POST", A, JSON, '{"type":"READ_FILE","read_file":{"path":"/none","offset":0}}'),
              ask("TEARDOWN of no such framework", "POST", A, JSON, '{"type":"TEARDOWN","teardown":{"framework_id":{"value":"none"}}}'),
              ask("MARK_AGENT_GONE of no such agent", "POST", A, JSON, '{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"none"}}}'),
              ask("content type missing", "POST", A, [["Accept", "application/json"]], body),
              ask("content type wrong", "POST", A, [["Content-Type", "text/plain"]], body),
              ask("content type with a charset", "POST", A, [["Content-Type", "application/json; charset=utf-8"]], body),
              ask("content type in capitals", "POST", A, [["Content-Type", "Application/JSON"]], body),
              ask("accept wrong", "POST", A, [JSON[0], ["Accept", "text/html"]], body),
              ask("accept any", "POST", A, [JSON[0], ["Accept", "*/*"]], body),
              ask("accept missing", "POST", A, [JSON[0]], body),
              ask("accept application/*", "POST", A, [JSON[0], ["Accept", "application/*"]], body),
              ask("accept protobuf", "POST", A, [JSON[0], ["Accept", P]], operator("GET_HEALTH")),
              ask("accept both", "POST", A, [JSON[0], ["Accept", P + ", application/json"]], operator("GET_HEALTH")),
              ask("accept by quality", "POST", A, [JSON[0], ["Accept", "application/json;q=0.1, " + P]], operator("GET_HEALTH")),
              ask("protobuf in, JSON out", "POST", A, [["Content-Type", P], ["Accept", "application/json"]], b"\x08\x01"),
              ask("broken protobuf", "POST", A, [["Content-Type", P]], b"\xff\xff"),
              ask("authorization is ignored", "POST", A, JSON + [["Authorization", "Basic dTpw"]], operator("GET_HEALTH"))]
    return cases


def scheduler_calls():
    """Every refusal of /api/v1/scheduler that one can reach without authentication."""
    S, P = "/api/v1/scheduler", "application/x-protobuf"
    one = Framework(PLAIN)
    fill = {"framework": one.id, "stream": one.stream}
    with_stream = JSON + [["Mesos-Stream-Id", "${stream}"]]
    call = lambda type_, more="": '{"framework_id":{"value":"${framework}"},"type":"%s"%s}' % (type_, more)
    a = lambda name, body, headers=with_stream, method="POST", path=S: ask(name, method, path, headers, body, fill=fill)
    subscribe = '{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x"}}}'
    cases = [a("GET", "", [], "GET"), a("PUT", call("REVIVE"), method="PUT"), a("DELETE", "", [], "DELETE"),
             a("under /master", call("REVIVE"), path="/master" + S), a("a longer path", call("REVIVE"), path=S + "/x"),
             a("no content type", call("REVIVE"), with_stream[1:]),
             a("content type wrong", call("REVIVE"), [["Content-Type", "text/plain"]] + with_stream[1:]),
             a("content type with a charset", call("REVIVE"), [["Content-Type", "application/json; charset=utf-8"]] + with_stream[1:]),
             a("empty body", ""), a("not JSON", "not json"), a("half a JSON object", '{"type":'), a("JSON, not an object", "[]"),
             a("two JSON objects", call("REVIVE") + call("REVIVE")), a("type missing", '{"framework_id":{"value":"${framework}"}}'),
             # Of a framework that is subscribed, an unknown type ends the whole Mesos 1.11 master; so these two come from nobody.
             a("type unknown to the enum", '{"framework_id":{"value":"none"},"type":"NO_SUCH_CALL"}'), a("type UNKNOWN", '{"framework_id":{"value":"none"},"type":"UNKNOWN"}'),
             a("type a number", '{"framework_id":{"value":"none"},"type":10}'),
             a("broken protobuf", b"\xff\xff", [["Content-Type", P], ["Accept", "application/json"]]),
             a("required fields missing", call("ACKNOWLEDGE", ',"acknowledge":{"agent_id":{}}')),
             a("required field missing, deep", call("ACCEPT", ',"accept":{"offer_ids":[{"value":"o"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"t"}]}}]}')),
             a("field of a wrong kind", call("KILL", ',"kill":{"task_id":"t"}')),
             a("number that is none", call("DECLINE", ',"decline":{"offer_ids":[],"filters":{"refuse_seconds":"soon"}}')),
             a("framework_id missing", '{"type":"REVIVE"}', JSON), a("framework unknown", '{"framework_id":{"value":"none"},"type":"REVIVE"}', JSON),
             a("framework unknown, with a stream id", '{"framework_id":{"value":"none"},"type":"REVIVE"}'),
             a("stream id missing", call("REVIVE"), JSON), a("stream id of another", call("REVIVE"), JSON + [["Mesos-Stream-Id", "73d5ca8c-3c9f-4f9b-8d6a-3a7f9a5c1b2e"]]),
             a("stream id too long", call("REVIVE"), JSON + [["Mesos-Stream-Id", "x" * 200]])]
    cases += [a("%s without its sub-message" % t, call(t)) for t in
              ["ACCEPT", "DECLINE", "KILL", "SHUTDOWN", "ACKNOWLEDGE", "ACKNOWLEDGE_OPERATION_STATUS", "RECONCILE", "RECONCILE_OPERATIONS", "MESSAGE", "REQUEST",
               "ACCEPT_INVERSE_OFFERS", "DECLINE_INVERSE_OFFERS", "UPDATE_FRAMEWORK", "REVIVE", "SUPPRESS"]]
    cases += [a("ACKNOWLEDGE with a malformed uuid", call("ACKNOWLEDGE", ',"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"eHg="}')),
              a("ACKNOWLEDGE with uuid that is no base64", call("ACKNOWLEDGE", ',"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"%%%"}')),
              a("ACKNOWLEDGE of nothing known", call("ACKNOWLEDGE", ',"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAAAAAAAQACAAAAAAAAAAA=="}')),
              a("ACKNOWLEDGE_OPERATION_STATUS without agent", call("ACKNOWLEDGE_OPERATION_STATUS", ',"acknowledge_operation_status":{"uuid":"AAAAAAAAQACAAAAAAAAAAA==","operation_id":{"value":"o"}}')),
              a("DECLINE of an unknown offer", call("DECLINE", ',"decline":{"offer_ids":[{"value":"none"}]}')),
              a("KILL of an unknown task", call("KILL", ',"kill":{"task_id":{"value":"none"}}')),
              a("MESSAGE to nobody", call("MESSAGE", ',"message":{"agent_id":{"value":"a"},"executor_id":{"value":"e"},"data":"aGk="}')),
              a("SHUTDOWN of nobody", call("SHUTDOWN", ',"shutdown":{"agent_id":{"value":"a"},"executor_id":{"value":"e"}}')),
              a("REQUEST", call("REQUEST", ',"request":{"requests":[]}')),
              a("REVIVE", call("REVIVE")), a("SUPPRESS", call("SUPPRESS")), a("REVIVE of a role not subscribed", call("REVIVE", ',"revive":{"roles":["none"]}')),
              a("RECONCILE, implicit", call("RECONCILE", ',"reconcile":{"tasks":[]}')),
              a("RECONCILE_OPERATIONS, implicit", call("RECONCILE_OPERATIONS", ',"reconcile_operations":{}')),
              a("RECONCILE_OPERATIONS with a wrong Accept", call("RECONCILE_OPERATIONS", ',"reconcile_operations":{}'), [JSON[0], ["Accept", "text/html"], with_stream[2]]),
              a("a wrong Accept does not matter elsewhere", call("REVIVE"), [JSON[0], ["Accept", "text/html"], with_stream[2]]),
              a("no Accept", call("REVIVE"), [JSON[0], with_stream[2]]),
              a("unknown fields and nulls", call("KILL", ',"extra":{"a":1},"accept":null,"kill":{"task_id":{"value":"none","x":[]},"agent_id":null}')),
              a("single object for a repeated field", call("DECLINE", ',"decline":{"offer_ids":{"value":"none"},"filters":{"refuse_seconds":"5"}}')),
              a("indented body", call("REVIVE").replace(",", ",\n ")),
              a("authorization is ignored", call("REVIVE"), with_stream + [["Authorization", "Basic dTpw"]]),
              a("UPDATE_FRAMEWORK", call("UPDATE_FRAMEWORK", ',"update_framework":{"framework_info":{"id":{"value":"${framework}"},"user":"root","name":"renamed"}}')),
              a("UPDATE_FRAMEWORK with another user", call("UPDATE_FRAMEWORK", ',"update_framework":{"framework_info":{"id":{"value":"${framework}"},"user":"other","name":"renamed"}}')),
              a("UPDATE_FRAMEWORK without id inside", call("UPDATE_FRAMEWORK", ',"update_framework":{"framework_info":{"user":"root","name":"renamed"}}')),
              a("SUBSCRIBE with a stream id", subscribe), a("SUBSCRIBE with a wrong Accept", subscribe, [JSON[0], ["Accept", "text/html"]]),
              a("SUBSCRIBE without its sub-message", '{"type":"SUBSCRIBE"}', JSON),
              a("SUBSCRIBE without user", '{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"x"}}}', JSON),
              a("SUBSCRIBE with an id outside only", subscribe.replace('{"type"', '{"framework_id":{"value":"f"},"type"', 1), JSON),
              a("SUBSCRIBE with differing ids", '{"framework_id":{"value":"f"},"type":"SUBSCRIBE","subscribe":{"framework_info":{"id":{"value":"g"},"user":"root","name":"x"}}}', JSON),
              a("SUBSCRIBE with an id inside only", '{"type":"SUBSCRIBE","subscribe":{"framework_info":{"id":{"value":"g"},"user":"root","name":"x"}}}', JSON)]
    one.sock.shutdown(socket.SHUT_RDWR)
    time.sleep(1)
    away = Framework({**PLAIN, "failover_timeout": 600})
    fill = {"framework": away.id, "stream": away.stream}
    away.sock.shutdown(socket.SHUT_RDWR)
    time.sleep(1)
    cases += [ask("framework not connected", "POST", S, with_stream, call("REVIVE"), fill=fill)]
    back = Framework({**PLAIN, "id": {"value": away.id}, "failover_timeout": 600}, away.id)
    back.call("TEARDOWN")
    fill["stream"] = back.stream
    time.sleep(.5)
    cases += [ask("framework completed", "POST", S, with_stream, call("REVIVE"), fill=fill)]
    return cases


def subscriptions():
    """What the stream begins with, chunk by chunk, for good and for bad framework infos."""
    cases = []

    def note(name, info, framework=None, headers=JSON, keep=False, enough=3):
        f = Framework(info, framework, headers)
        f.wait(lambda e: len(f.chunks) >= enough, 4)
        cases.append({"name": name, "framework_info": info, "framework_id": framework,
                      "response": {"status": f.answer.status, "headers": f.answer.headers, "chunks": f.chunks[:3], "ended": f.ended}})
        if not keep:
            f.call("TEARDOWN") if f.id else None
            f.sock.close()
        return f
    note("a plain framework", PLAIN)
    note("a framework with roles", RICH)
    note("gzip is not used on streams", PLAIN, headers=JSON + [["Accept-Encoding", "gzip"]])
    note("no Accept", PLAIN, headers=JSON[:1])
    note("user and name empty", {"user": "", "name": ""})
    bad = {"role and roles": {"role": "a", "roles": ["b"], "capabilities": [{"type": "MULTI_ROLE"}]}, "role with MULTI_ROLE": {"role": "a", "capabilities": [{"type": "MULTI_ROLE"}]},
           "roles without MULTI_ROLE": {"roles": ["a"]}, "role with a slash in front": {"role": "/a"}, "role with a space": {"role": "a b"},
           "role is a dot": {"role": "."}, "role is two dots": {"role": "a/.."}, "role with a dash in front": {"role": "-a"}, "role empty": {"role": ""},
           "role with double slash": {"role": "a//b"}, "role ends in slash": {"role": "a/"}, "role star inside": {"role": "a/*"}, "roles doubled": {"roles": ["a", "a"], "capabilities": [{"type": "MULTI_ROLE"}]},
           "id with a slash": {"id": {"value": "a/b"}}, "id empty": {"id": {"value": ""}},
           "failover_timeout negative": {"failover_timeout": -1}, "failover_timeout beyond a duration": {"failover_timeout": 1e20},
           "offer filter for a role not had": {"roles": ["a"], "capabilities": [{"type": "MULTI_ROLE"}], "offer_filters": {"b": {"min_allocatable_resources": {"quantities": [{"quantities": {"cpus": {"value": 1}}}]}}}}}
    for name, more in bad.items():
        info = {**PLAIN, **more}
        note(name, info, info.get("id", {}).get("value"), enough=2)
    note("id never seen", {**PLAIN, "id": {"value": "my-own-id"}}, "my-own-id")
    first = note("a first scheduler", {**PLAIN, "failover_timeout": 600}, keep=True)
    second = note("the same id again", {**PLAIN, "id": {"value": first.id}, "failover_timeout": 600}, first.id, keep=True)
    time.sleep(1)
    cases.append({"name": "what the first scheduler is told", "response": {"chunks": first.chunks[-1:], "ended": first.ended}})
    second.call("TEARDOWN")
    time.sleep(.5)
    cases.append({"name": "how the stream ends after TEARDOWN", "response": {"chunks": second.chunks[3:], "ended": second.ended}})
    note("id of a removed framework", {**PLAIN, "id": {"value": first.id}}, first.id)
    return cases


def task_errors():
    """One task per case, launched on a fresh offer: the status update it gets.

    Not asked: a resource of type TEXT, which ends the whole Mesos 1.11 master."""
    f, cases = Framework({**PLAIN, "capabilities": [{"type": "TASK_KILLING_STATE"}]}), []
    command = {"command": {"value": "true"}}
    executor = lambda id_="x", **more: {"executor": {"executor_id": {"value": id_}, "resources": SMALL, "command": {"value": "sleep 60"}, **more}}
    health = lambda check: {"health_check": check, **command}
    vol = {"role": "r", "disk": {"persistence": {"id": "p"}, "volume": {"mode": "RW", "container_path": "c"}}}
    tasks = {
        "more cpus than offered": {**command, "resources": [scalar("cpus", 1000), scalar("mem", 32)]},
        "ports not offered": {**command, "resources": SMALL + [{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 2}]}}]},
        "a resource nobody has": {**command, "resources": SMALL + [scalar("rockets", 1)]},
        "no resources": {**command, "resources": []},
        "a negative resource": {**command, "resources": [scalar("cpus", -1), scalar("mem", 32)]},
        "zero cpus": {**command, "resources": [scalar("cpus", 0), scalar("mem", 32)]},
        "no cpus": {**command, "resources": [scalar("mem", 32)]},
        "no mem": {**command, "resources": [scalar("cpus", 0.1)]},
        "little cpus and mem": {**command, "resources": [scalar("cpus", 0.001), scalar("mem", 1)]},
        "scalar without value": {**command, "resources": [{"name": "cpus", "type": "SCALAR"}]},
        "resource name empty": {**command, "resources": [scalar("", 1)]},
        "ranges for cpus": {**command, "resources": [{"name": "cpus", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 2}]}}]},
        "gpus in parts": {**command, "resources": SMALL + [scalar("gpus", 0.5)]},
        "resource of another role": {**command, "resources": [scalar("cpus", 0.1, role="other"), scalar("mem", 32)]},
        "resource with a bad role": {**command, "resources": [scalar("cpus", 0.1, role="a b"), scalar("mem", 32)]},
        "allocated to another role": {**command, "resources": [scalar("cpus", 0.1, allocation_info={"role": "other"}), scalar("mem", 32, allocation_info={"role": "other"})]},
        "allocated to two roles": {**command, "resources": [scalar("cpus", 0.1, allocation_info={"role": "*"}), scalar("mem", 32, allocation_info={"role": "other"})]},
        "revocable and not": {**command, "resources": SMALL + [scalar("cpus", 0.1, revocable={})]},
        "volume not offered": {**command, "resources": SMALL + [scalar("disk", 1, **vol)]},
        "volume unreserved": {**command, "resources": SMALL + [scalar("disk", 1, disk=vol["disk"])]},
        "one persistence id twice": {**command, "resources": SMALL + [scalar("disk", 1, **vol), scalar("disk", 2, **vol)]},
        "neither command nor executor": {},
        "both command and executor": {**command, **executor()},
        "executor without command": {"executor": {"executor_id": {"value": "x"}, "resources": SMALL}},
        "executor of type DEFAULT": executor(type="DEFAULT"),
        "executor of type UNKNOWN": executor(type="UNKNOWN"),
        "executor of another framework": executor(framework_id={"value": "other"}),
        "executor id empty": executor(""),
        "executor id with a slash": executor("a/b"),
        "executor asks too much": executor(resources=[scalar("cpus", 1000), scalar("mem", 32)]),
        "executor with a negative grace period": executor(shutdown_grace_period={"nanoseconds": -1}),
        "executor with a bad resource": executor(resources=[scalar("cpus", -1)]),
        "task id with a slash": {"task_id": {"value": "a/b"}, **command},
        "task id empty": {"task_id": {"value": ""}, **command},
        "task id is two dots": {"task_id": {"value": ".."}, **command},
        "task id with a control character": {"task_id": {"value": "a\tb"}, **command},
        "task id too long": {"task_id": {"value": "x" * 300}, **command},
        "agent id of another": {"agent_id": {"value": "other"}, **command},
        "agent id empty": {"agent_id": {"value": ""}, **command},
        "negative kill grace period": {"kill_policy": {"grace_period": {"nanoseconds": -1}}, **command},
        "negative max_completion_time": {"max_completion_time": {"nanoseconds": -1}, **command},
        "environment without value": {"command": {"value": "true", "environment": {"variables": [{"name": "A"}]}}},
        "environment secret without secret": {"command": {"value": "true", "environment": {"variables": [{"name": "A", "type": "SECRET"}]}}},
        "environment value of a secret": {"command": {"value": "true", "environment": {"variables": [{"name": "A", "type": "SECRET", "value": "x"}]}}},
        "environment of type UNKNOWN": {"command": {"value": "true", "environment": {"variables": [{"name": "A", "type": "UNKNOWN", "value": "x"}]}}},
        "uri output_file absolute": {"command": {"value": "true", "uris": [{"value": "http://x/y", "output_file": "/etc/x"}]}},
        "shell command without value": {"command": {"shell": True}},
        "health check COMMAND without command": health({"type": "COMMAND"}),
        "health check HTTP without http": health({"type": "HTTP"}),
        "health check without type": health({}),
        "health check negative delay": health({"type": "TCP", "tcp": {"port": 1}, "delay_seconds": -1}),
        "health check negative interval": health({"type": "TCP", "tcp": {"port": 1}, "interval_seconds": -1}),
        "health check path without slash": health({"type": "HTTP", "http": {"port": 1, "path": "x"}}),
        "health check bad scheme": health({"type": "HTTP", "http": {"port": 1, "scheme": "ftp"}}),
        "health check command empty": health({"type": "COMMAND", "command": {"value": ""}}),
        "check without type": {"check": {}, **command},
        "check COMMAND without command": {"check": {"type": "COMMAND"}, **command},
        "check TCP without tcp": {"check": {"type": "TCP"}, **command},
        "container MESOS with docker": {"container": {"type": "MESOS", "docker": {"image": "x"}}, **command},
        "container DOCKER without docker": {"container": {"type": "DOCKER"}, **command},
        "volume without source": {"container": {"type": "MESOS", "volumes": [{"mode": "RW", "container_path": "/c"}]}, **command},
        "volume with two sources": {"container": {"type": "MESOS", "volumes": [{"mode": "RW", "container_path": "/c", "host_path": "/h", "image": {"type": "DOCKER", "docker": {"name": "x"}}}]}, **command},
        "negative limit": {"limits": {"cpus": {"value": -1}}, **command},
        "limit below request": {"limits": {"cpus": {"value": 0.01}}, **command},
        "limit on disk": {"limits": {"disk": {"value": 1}}, **command},
        "limit without request": {"limits": {"mem": {"value": 64}}, **command, "resources": [scalar("cpus", 0.1)]},
        "share_cgroups false": {"container": {"type": "MESOS", "linux_info": {"share_cgroups": False}}, **command},
    }
    for name, more in tasks.items():
        print("task:", name, flush=True)
        offer = f.offer()
        task = {"task_id": {"value": name.replace(" ", "-")}, "name": name, "agent_id": offer["agent_id"], "resources": SMALL, **more}
        status = f.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}], "filters": {"refuse_seconds": 0}})
        event = f.wait(lambda e: e["type"] in ("UPDATE", "ERROR"), 5) if status[0] == 202 else None
        cases.append({"name": name, "task": {**task, "agent_id": "${agent}" if "agent_id" not in more else more["agent_id"]}, "accept": list(status), "event": event})
        if event and event["type"] == "UPDATE" and (s := event["update"]["status"]).get("uuid"):
            f.call("ACKNOWLEDGE", acknowledge={"agent_id": s["agent_id"], "task_id": s["task_id"], "uuid": s["uuid"]})
            f.call("KILL", kill={"task_id": s["task_id"]})
            until = time.time() + 6
            while time.time() < until and (e := f.wait(lambda e: e["type"] == "UPDATE", 3)):
                s = e["update"]["status"]
                if s.get("uuid"):
                    f.call("ACKNOWLEDGE", acknowledge={"agent_id": s["agent_id"], "task_id": s["task_id"], "uuid": s["uuid"]})
                if s["state"] in ("TASK_KILLED", "TASK_FINISHED", "TASK_FAILED", "TASK_LOST"):
                    break
    f.call("TEARDOWN")
    return cases


def offers():
    """ACCEPT with offers that are no good, two tasks at once, task groups, reconciliation, kills: the events that follow."""
    f, cases = Framework({**PLAIN, "name": "offers"}), []
    other = Framework({**PLAIN, "name": "other"})

    def step(name, type_, seconds=3, by=f, enough=1, **more):
        start = len(by.events)
        status = by.call(type_, **more)
        until = time.time() + seconds
        wanted = lambda: [e for e in by.events[start:] if e["type"] in ("UPDATE", "ERROR", "FAILURE", "RESCIND")]
        while time.time() < until and len(wanted()) < enough:
            time.sleep(.05)
        cases.append({"name": name, "call": {"type": type_, **more}, "answer": list(status), "events": wanted()})
        by.taken = len(by.events)

    def task(id_, offer, **more):
        return {"task_id": {"value": id_}, "name": id_, "agent_id": offer["agent_id"], "resources": SMALL, "command": {"value": "sleep 300"}, **more}

    launch = lambda *tasks: [{"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}]
    nobody = {"agent_id": {"value": "${agent}"}}
    other.call("SUPPRESS")
    o = f.offer()
    agent = {"agent_id": o["agent_id"]}
    step("unknown offer", "ACCEPT", accept={"offer_ids": [{"value": "none"}], "operations": launch(task("t-unknown", agent))})
    step("no offers", "ACCEPT", accept={"offer_ids": [], "operations": launch(task("t-none", agent))})
    step("unknown offer, no operations", "ACCEPT", seconds=1, accept={"offer_ids": [{"value": "none"}], "operations": []})
    step("the same offer twice", "ACCEPT", accept={"offer_ids": [o["id"], o["id"]], "operations": launch(task("t-twice", agent))})
    o = f.offer()
    other.call("REVIVE")
    step("offer of another framework", "ACCEPT", by=other, accept={"offer_ids": [o["id"]], "operations": launch(task("t-other", agent))})
    step("one good and one unknown offer", "ACCEPT", accept={"offer_ids": [o["id"], {"value": "none"}], "operations": launch(task("t-mixed", agent))})
    other.call("TEARDOWN")
    o = f.offer()
    step("unknown offer with a task group", "ACCEPT", enough=2, accept={"offer_ids": [{"value": "none"}], "operations": [{"type": "LAUNCH_GROUP", "launch_group": {
        "executor": {"type": "DEFAULT", "executor_id": {"value": "g"}, "resources": SMALL}, "task_group": {"tasks": [task("g-1", agent), task("g-2", agent)]}}}]})
    step("a task group with a bad task", "ACCEPT", enough=2, accept={"offer_ids": [o["id"]], "operations": [{"type": "LAUNCH_GROUP", "launch_group": {
        "executor": {"type": "DEFAULT", "executor_id": {"value": "g"}, "resources": SMALL + [scalar("disk", 10)]},
        "task_group": {"tasks": [task("g-3", agent), task("g-4", agent, resources=[])]}}}], "filters": {"refuse_seconds": 0}})
    o = f.offer()
    step("a task id used twice in one call", "ACCEPT", enough=4, seconds=6, accept={"offer_ids": [o["id"]], "operations": launch(task("d-1", agent), task("d-1", agent)), "filters": {"refuse_seconds": 0}})
    o = f.offer()
    step("a task id still running", "ACCEPT", accept={"offer_ids": [o["id"]], "operations": launch(task("d-1", agent)), "filters": {"refuse_seconds": 0}})
    o = f.offer()
    step("two operations, the second asks for the rest and more", "ACCEPT", seconds=4, accept={"offer_ids": [o["id"]], "operations": launch(
        task("big-1", agent, resources=[scalar("cpus", 100), scalar("mem", 32)]), task("neg-1", agent, resources=[scalar("cpus", -1)])), "filters": {"refuse_seconds": 0}}, enough=2)
    step("KILL of an unknown task", "KILL", kill={"task_id": {"value": "none"}})
    step("KILL of an unknown task on a known agent", "KILL", kill={"task_id": {"value": "none"}, **agent})
    step("KILL of an unknown task on an unknown agent", "KILL", kill={"task_id": {"value": "none"}, "agent_id": {"value": "other"}})
    step("KILL naming the wrong agent", "KILL", seconds=1, kill={"task_id": {"value": "d-1"}, "agent_id": {"value": "other"}})
    step("RECONCILE of a known task", "RECONCILE", reconcile={"tasks": [{"task_id": {"value": "d-1"}}]})
    step("RECONCILE of a known task with its agent", "RECONCILE", reconcile={"tasks": [{"task_id": {"value": "d-1"}, **agent}]})
    step("RECONCILE of an unknown task", "RECONCILE", reconcile={"tasks": [{"task_id": {"value": "none"}}]})
    step("RECONCILE of an unknown task on a known agent", "RECONCILE", reconcile={"tasks": [{"task_id": {"value": "none"}, **agent}]})
    step("RECONCILE of an unknown task on an unknown agent", "RECONCILE", reconcile={"tasks": [{"task_id": {"value": "none"}, "agent_id": {"value": "other"}}]})
    step("RECONCILE, implicit", "RECONCILE", reconcile={"tasks": []})
    step("MESSAGE to nobody", "MESSAGE", seconds=1, message={**agent, "executor_id": {"value": "none"}, "data": "aGk="})
    step("SHUTDOWN of nobody", "SHUTDOWN", seconds=1, shutdown={**agent, "executor_id": {"value": "none"}})
    step("KILL of a running task", "KILL", seconds=8, enough=1, kill={"task_id": {"value": "d-1"}})
    o = f.offer()
    step("DECLINE, then the offer again", "DECLINE", seconds=1, decline={"offer_ids": [o["id"]], "filters": {"refuse_seconds": 0}})
    step("ACCEPT of a declined offer", "ACCEPT", accept={"offer_ids": [o["id"]], "operations": launch(task("t-declined", agent))})
    f.call("TEARDOWN")
    return cases


def executor_calls():
    X, P = "/slave(1)/api/v1/executor", "application/x-protobuf"
    a = lambda name, body, headers=JSON, method="POST", path=X: ask(name, method, path, headers, body, to="agent")
    ids = '"executor_id":{"value":"e"},"framework_id":{"value":"f"}'
    uuid = '"uuid":"AAAAAAAAQACAAAAAAAAAAA=="'
    status = '{%s,"type":"UPDATE","update":{"status":{"task_id":{"value":"t"},"state":"%s","source":"SOURCE_EXECUTOR"%s}}}'
    return [a("GET", "", [], "GET"), a("no content type", "{}", JSON[1:]), a("content type wrong", "{}", [["Content-Type", "text/plain"]]),
            a("not JSON", "x"), a("empty object", "{}"), a("type missing", "{%s}" % ids), a("type unknown to the enum", '{%s,"type":"NO_SUCH"}' % ids), a("type UNKNOWN", '{%s,"type":"UNKNOWN"}' % ids),
            a("SUBSCRIBE without its sub-message", '{%s,"type":"SUBSCRIBE"}' % ids),
            a("SUBSCRIBE of an unknown framework", '{%s,"type":"SUBSCRIBE","subscribe":{}}' % ids),
            a("SUBSCRIBE with a wrong Accept", '{%s,"type":"SUBSCRIBE","subscribe":{}}' % ids, [JSON[0], ["Accept", "text/html"]]),
            a("UPDATE without its sub-message", '{%s,"type":"UPDATE"}' % ids), a("UPDATE without uuid", status % (ids, "TASK_RUNNING", "")),
            a("UPDATE with a malformed uuid", status % (ids, "TASK_RUNNING", ',"uuid":"eHg="')), a("UPDATE to STAGING", status % (ids, "TASK_STAGING", "," + uuid)),
            a("UPDATE from the wrong source", (status % (ids, "TASK_RUNNING", "," + uuid)).replace("SOURCE_EXECUTOR", "SOURCE_AGENT")),
            a("UPDATE without source", (status % (ids, "TASK_RUNNING", "," + uuid)).replace(',"source":"SOURCE_EXECUTOR"', "")),
            a("UPDATE without state", '{%s,"type":"UPDATE","update":{"status":{"task_id":{"value":"t"}}}}' % ids),
            a("UPDATE of another executor", status % (ids, "TASK_RUNNING", ',"executor_id":{"value":"other"},' + uuid)),
            a("UPDATE of an unknown framework", status % (ids, "TASK_RUNNING", "," + uuid)),
            a("MESSAGE without its sub-message", '{%s,"type":"MESSAGE"}' % ids), a("MESSAGE of an unknown framework", '{%s,"type":"MESSAGE","message":{"data":"aGk="}}' % ids),
            a("HEARTBEAT", '{%s,"type":"HEARTBEAT"}' % ids), a("broken protobuf", b"\xff\xff", [["Content-Type", P]]),
            a("agent API, GET", "", [], "GET", "/slave(1)/api/v1"), a("agent API, unknown type", '{"type":"NO_SUCH"}', path="/slave(1)/api/v1"),
            a("agent API, type missing", "{}", path="/slave(1)/api/v1"), a("agent API, type UNKNOWN", '{"type":"UNKNOWN"}', path="/slave(1)/api/v1"),
            a("agent API, accept wrong", '{"type":"GET_HEALTH"}', [JSON[0], ["Accept", "text/html"]], path="/slave(1)/api/v1"),
            a("agent API, content type wrong", '{"type":"GET_HEALTH"}', [["Content-Type", "text/plain"]], path="/slave(1)/api/v1"),
            a("agent API, no content type", '{"type":"GET_HEALTH"}', [], path="/slave(1)/api/v1"),
            a("agent, no such path", "", [], "GET", "/slave(1)/nonexistent"), a("agent, longer path", "", [], "GET", "/slave(1)/state/x"),
            a("agent, DELETE /state", "", [], "DELETE", "/slave(1)/state"), a("agent, POST /containers", "", [], "POST", "/slave(1)/containers")]


def sandbox(f, agent):
    """The files of the running task, over both of its names."""
    state = json.loads(ask("", "GET", "/slave(1)/state", to="agent")["response"]["body"])
    directory = next(e["directory"] for w in state["frameworks"] if w["id"] == f.id for e in w["executors"])
    fill = {"directory": directory, "agent": agent, "framework": f.id}
    virtual = "/frameworks/${framework}/executors/hold-1/runs/latest"
    g = lambda name, path: ask(name, "GET", path, to="agent", fill=fill)
    return [g("browse", "/files/browse?path=${directory}"), g("browse.json", "/files/browse.json?path=${directory}"), g("browse by virtual path", "/files/browse?path=" + virtual),
            g("browse a file", "/files/browse?path=${directory}/stdout"), g("browse outside", "/files/browse?path=${directory}/../../../../../../../.."),
            g("browse the agent's work_dir", "/files/browse?path=/"), g("read", "/files/read?path=${directory}/stdout&offset=0&length=10"),
            g("read the size", "/files/read?path=${directory}/stdout&offset=-1"), g("read without offset", "/files/read?path=${directory}/stdout"),
            g("read beyond the end", "/files/read?path=${directory}/stdout&offset=100000"), g("read a negative offset", "/files/read?path=${directory}/stdout&offset=-2"),
            g("read a bad offset", "/files/read?path=${directory}/stdout&offset=x"), g("read a negative length", "/files/read?path=${directory}/stdout&offset=0&length=-2"),
            g("read a bad length", "/files/read?path=${directory}/stdout&offset=0&length=x"), g("read a directory", "/files/read?path=${directory}&offset=0"),
            g("read no such file", "/files/read?path=${directory}/none&offset=0"), g("read without path", "/files/read"), g("download", "/files/download?path=${directory}/stdout"),
            g("download a directory", "/files/download?path=${directory}"), g("download no such file", "/files/download?path=${directory}/none"), g("download without path", "/files/download"),
            g("browse without path", "/files/browse"), g("browse an unknown path", "/files/browse?path=/none"), g("browse with jsonp", "/files/browse?path=${directory}&jsonp=f"),
            g("files nothing", "/files"), g("files unknown verb", "/files/none")]


def life():
    """A framework's life, with everything readable at each of its stations."""
    f = Framework(RICH)
    o = f.offer()
    f.call("ACCEPT", accept={"offer_ids": [o["id"]], "operations": [{"type": "LAUNCH", "launch": {"task_infos": [{**HOLD, "agent_id": o["agent_id"]}]}}],
                             "filters": {"refuse_seconds": 600}})
    updates = []
    while not updates or updates[-1]["update"]["status"]["state"] != "TASK_RUNNING":
        updates.append(f.update("hold-1"))
    f.offer()   # left open: it shows in /state
    time.sleep(1)
    write("running.json", "a framework with roles web and batch, one running task, one offer outstanding", reads())
    write("files.json", "the sandbox of a running task", sandbox(f, o["agent_id"]["value"]))
    f.call("KILL", kill={"task_id": {"value": "hold-1"}})
    while updates[-1]["update"]["status"]["state"] not in ("TASK_KILLED", "TASK_FAILED"):
        updates.append(f.update("hold-1"))
    write("updates.json", "the offer, and the updates of a task that is launched, runs and is killed",
          [{"name": "offer", "offer": o}, {"name": "updates", "events": updates}])
    time.sleep(2)
    write("killed.json", "the framework is still there, its task was killed", reads())
    f.call("TEARDOWN")
    time.sleep(2)
    write("completed.json", "the framework was torn down", reads())


def operator_events():
    """What an operator who subscribed is told of a framework's life: one case, chunk by chunk, without what comes by the clock."""
    sock, answer = send(MASTER, "POST", "/api/v1", JSON, b'{"type":"SUBSCRIBE"}')
    chunks = [answer.chunk().decode(), answer.chunk().decode()]
    first = Framework({**RICH, "failover_timeout": 600})
    o = first.offer()
    first.call("ACCEPT", accept={"offer_ids": [o["id"]], "operations": [{"type": "LAUNCH", "launch": {"task_infos": [{**HOLD, "agent_id": o["agent_id"]}]}}],
                                 "filters": {"refuse_seconds": 600}})
    while first.update("hold-1")["update"]["status"]["state"] != "TASK_RUNNING":
        pass
    second = Framework({**RICH, "id": {"value": first.id}, "failover_timeout": 600}, first.id)
    second.call("TEARDOWN")
    while '"FRAMEWORK_REMOVED"' not in chunks[-1]:
        chunks.append(answer.chunk().decode())
    sock.close()
    return [{"name": "a framework, its task, its second scheduler and its end",
             "response": {"status": answer.status, "headers": answer.headers, "chunks": [c for c in chunks[:2]] + [c for c in chunks[2:] if "HEARTBEAT" not in c]}}]


SECTIONS = {
    "idle": lambda: write("idle.json", "one agent, no framework", reads()),
    "routing": lambda: write("routing.json", "paths, methods, content types and malformed calls of the master; one agent, no framework", routing()),
    "scheduler-calls": lambda: write("scheduler-calls.json", "refusals and acceptances of POST /api/v1/scheduler", scheduler_calls()),
    "subscriptions": lambda: write("subscriptions.json", "how event streams begin", subscriptions()),
    "operator-events": lambda: write("operator-events.json", "what a subscriber of the operator API is told", operator_events()),
    "executor-calls": lambda: write("executor-calls.json", "refusals of the agent's APIs", executor_calls()),
    "task-errors": lambda: write("task-errors.json", "one invalid (or odd) task per case, on a fresh offer", task_errors()),
    "offers": lambda: write("offers.json", "offers that are no good, reconciliation, kills: calls and the events that follow", offers()),
    "life": life,
}

os.makedirs(OUT, exist_ok=True)
for section in sys.argv[4:] or SECTIONS:
    SECTIONS[section]()
