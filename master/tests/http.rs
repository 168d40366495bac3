//! A master alone, asked over HTTP.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::{GzDecoder, ZlibDecoder};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tepui_master::{Config, RegistryStorage, Running, start};

async fn master() -> Running {
    let listen = "127.0.0.1:0".parse().unwrap();
    start(Config::new(listen, RegistryStorage::InMemory)).await.unwrap()
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Runs a test against a fresh master.
fn with_master<F: Future<Output = ()>>(test: impl FnOnce(Client, String) -> F) {
    libactor::run(async {
        let running = master().await;
        let base = format!("http://{}", running.address());
        let deadline = Duration::from_secs(20);
        tokio::time::timeout(deadline, test(client(), base)).await.expect("the test takes too long");
        running.shutdown().await;
    });
}

async fn post(client: &Client, url: String, body: Value) -> (StatusCode, String) {
    let response = client
        .post(url)
        .header("Content-Type", "application/json")
        .header("Accept", "application/json")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    (response.status(), response.text().await.unwrap())
}

/// Answers are 503 for the moment until the registry has been written.
async fn get(client: &Client, url: String) -> (StatusCode, String) {
    loop {
        let response = client.get(&url).send().await.unwrap();
        let status = response.status();
        let body = response.text().await.unwrap();
        if status != StatusCode::SERVICE_UNAVAILABLE {
            return (status, body);
        }
    }
}

#[test]
fn an_empty_cluster_answers_every_read() {
    with_master(|client, base| async move {
        let (status, state) = get(&client, format!("{base}/state")).await;
        let state: Value = serde_json::from_str(&state).unwrap();

        assert_eq!(status, StatusCode::OK);
        assert_eq!(state["version"], "1.11.0");
        assert_eq!(state["activated_slaves"], json!(0.0));
        for path in
            ["/slaves", "/frameworks", "/tasks", "/state-summary", "/roles", "/flags", "/metrics/snapshot"]
        {
            let (status, body) = get(&client, format!("{base}{path}")).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(serde_json::from_str::<Value>(&body).unwrap().is_object(), "{path}");
        }
        assert_eq!(get(&client, format!("{base}/health")).await, (StatusCode::OK, String::new()));
        assert_eq!(
            get(&client, format!("{base}/no-such")).await,
            (StatusCode::NOT_FOUND, "404 Not Found.".into())
        );
    });
}

#[test]
fn the_operator_api_answers_in_mesos_json() {
    with_master(|client, base| async move {
        get(&client, format!("{base}/state")).await;
        let api = format!("{base}/api/v1");

        let health = post(&client, api.clone(), json!({"type": "GET_HEALTH"})).await;
        let tasks = post(&client, api.clone(), json!({"type": "GET_TASKS"})).await;
        let nothing = post(&client, api, json!({})).await;

        assert_eq!(health.1, r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#);
        let empty =
            r#"{"type":"GET_TASKS","get_tasks":{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]}}"#;
        assert_eq!(tasks.1, empty);
        let refused = "Failed to validate master::Call: Expecting 'type' to be present";
        assert_eq!(nothing, (StatusCode::BAD_REQUEST, refused.into()));
    });
}

#[test]
fn a_subscription_streams_one_record_a_chunk_and_its_end_disconnects_the_framework() {
    with_master(|client, base| async move {
        get(&client, format!("{base}/state")).await;
        let info = json!({"user": "root", "name": "f", "failover_timeout": 1000.0});
        let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        let mut stream = client
            .post(format!("{base}/api/v1/scheduler"))
            .header("Content-Type", "application/json")
            .body(call.to_string())
            .send()
            .await
            .unwrap();

        let stream_id = stream.headers()["Mesos-Stream-Id"].to_str().unwrap().to_string();
        let first = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
        let second = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
        let (length, event) = first.split_once('\n').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), event.len());
        let event: Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["type"], "SUBSCRIBED");
        assert_eq!(second, "20\n{\"type\":\"HEARTBEAT\"}");

        let id = event["subscribed"]["framework_id"]["value"].as_str().unwrap().to_string();
        let revive = json!({"type": "REVIVE", "framework_id": {"value": id}});
        let without_stream = post(&client, format!("{base}/api/v1/scheduler"), revive.clone()).await;
        assert_eq!(without_stream.0, StatusCode::BAD_REQUEST);
        let revived = client
            .post(format!("{base}/api/v1/scheduler"))
            .header("Content-Type", "application/json")
            .header("Mesos-Stream-Id", stream_id)
            .body(revive.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(revived.status(), StatusCode::ACCEPTED);
        assert_eq!(revived.headers()["Content-Length"], "0");

        drop(stream);
        loop {
            let (_, frameworks) = get(&client, format!("{base}/frameworks")).await;
            let frameworks: Value = serde_json::from_str(&frameworks).unwrap();
            if frameworks["frameworks"][0]["connected"] == false {
                break;
            }
        }
    });
}

/// Answers of a status, with what was sent along.
async fn ask(client: &Client, url: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = client.get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[test]
fn who_has_the_state_is_not_sent_it_again() {
    with_master(|client, base| async move {
        let url = format!("{base}/state");
        get(&client, url.clone()).await;
        let first = ask(&client, &url, &[]).await;
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();

        let again = ask(&client, &url, &[("If-None-Match", &format!("\"other\", {tag}"))]).await;
        let other = ask(&client, &url, &[("If-None-Match", "W/\"other-7\"")]).await;
        let posted = client.post(&url).header("If-None-Match", &tag).send().await.unwrap();

        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()["etag"].to_str().unwrap(), tag);
        assert_eq!(again.bytes().await.unwrap().len(), 0);
        assert_eq!(other.status(), StatusCode::OK);
        assert_eq!(posted.status(), StatusCode::OK);

        let quota = json!({
            "type": "UPDATE_QUOTA",
            "update_quota": { "quota_configs": [{ "role": "web", "limits": { "cpus": { "value": 1 } } }] },
        });
        assert_eq!(post(&client, format!("{base}/api/v1"), quota).await.0, StatusCode::OK);
        let changed = ask(&client, &url, &[("If-None-Match", &tag)]).await;
        assert_eq!(changed.status(), StatusCode::OK);
        assert_ne!(changed.headers()["etag"].to_str().unwrap(), tag);
    });
}

#[test]
fn answers_are_compressed_as_the_client_likes() {
    with_master(|client, base| async move {
        // Its answers are small unless it knows of something.
        let roles: Vec<Value> = (0..40)
            .map(|n| json!({ "role": format!("role{n}"), "limits": { "cpus": { "value": 1 } } }))
            .collect();
        let quota = json!({ "type": "UPDATE_QUOTA", "update_quota": { "quota_configs": roles } });
        get(&client, format!("{base}/state")).await;
        assert_eq!(post(&client, format!("{base}/api/v1"), quota).await.0, StatusCode::OK);
        let url = format!("{base}/quota");
        let (_, plain) = get(&client, url.clone()).await;
        assert!(plain.len() > 1024, "it is worth compressing");

        let gzip = ask(&client, &url, &[("Accept-Encoding", "deflate, gzip")]).await;
        let deflate = ask(&client, &url, &[("Accept-Encoding", "gzip;q=0, deflate")]).await;
        let refused = ask(&client, &url, &[("Accept-Encoding", "gzip;q=0")]).await;

        assert_eq!(gzip.headers()["content-encoding"], "gzip");
        assert_eq!(deflate.headers()["content-encoding"], "deflate");
        assert!(!refused.headers().contains_key("content-encoding"));
        assert_eq!(refused.headers()["vary"], "Accept-Encoding");
        let unpacked = |coded: &[u8], is_gzip: bool| {
            let mut text = String::new();
            if is_gzip {
                GzDecoder::new(coded).read_to_string(&mut text).unwrap();
            } else {
                ZlibDecoder::new(coded).read_to_string(&mut text).unwrap();
            }
            text
        };
        assert_eq!(unpacked(&gzip.bytes().await.unwrap(), true), plain);
        assert_eq!(unpacked(&deflate.bytes().await.unwrap(), false), plain);
    });
}
