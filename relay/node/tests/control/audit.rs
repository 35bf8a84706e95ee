//! The audit log of a running node: what is in it, `relay audit verify`, and `kill -9`.

use std::path::Path;

use serde_json::{Value, json};

use crate::process::{File, Running, run};
use crate::reading::{Folder, ask};
use crate::support::{Socket, server, server_with};

fn entries(log: &Path) -> Vec<Value> {
    std::fs::read_to_string(log).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn hosts_actions_are_written_refused_ones_too_and_the_chain_holds() {
    let folder = Folder::new();
    let log = folder.0.join("audit.log");
    for start in 1..=2 {
        let server = server_with(|config| config.store.dir = Some(folder.0.clone())).await;
        let (mut anna, _) = server.enter(&server.host("anna@region.example"), None).await;
        let (mut bent, welcome) = server.enter(&server.participant("010190-1234"), None).await;
        let mute = json!({"type": "mute", "participant": welcome["participant"]});
        assert_eq!(ask(&mut anna, 1, &mute).await["type"], "done");
        assert_eq!(ask(&mut bent, 1, &json!({"type": "mute_all"})).await["code"], "forbidden");
        assert_eq!(server.command(&server.service(), None, &json!({"type": "lock"})).await.status, 204);
        assert_eq!(ask(&mut bent, 2, &json!({"type": "say", "text": "the text of a patient"})).await["type"], "done");
        server.into_node().stop().await;

        let written = entries(&log);
        let written = &written[written.len() - 3..];
        let seen: Vec<_> = written.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["result"].as_str().unwrap())).collect();
        assert_eq!(seen, [("mute", "ok"), ("mute_all", "forbidden"), ("lock", "ok")]);
        assert_eq!((&written[0]["room"], &written[0]["actor"]["role"]), (&json!("demo"), &json!("host")), "{}", written[0]);
        assert_eq!(written[0]["target"]["pseudonym"], written[1]["actor"]["pseudonym"]);
        assert_eq!(written[2]["actor"], json!({"type": "service"}));
        let (code, output, errors) = run(&["audit", "verify", log.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{errors}");
        assert!(output.contains(&format!("{} entries", 3 * start)), "{output}");
    }
    let text = std::fs::read_to_string(&log).unwrap();
    for secret in ["anna", "0101", "patient"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }

    // What the command finds.
    let verify = |text: &str, more: &[&str]| {
        std::fs::write(&log, text).unwrap();
        run(&[&["audit", "verify", log.to_str().unwrap()], more].concat())
    };
    let last = entries(&log).last().unwrap()["hash"].as_str().unwrap().to_owned();
    assert_eq!(verify(&text, &["--expect-last", &last]).0, Some(0));
    let (code, _, errors) = verify(&text.replacen("\"mute_all\"", "\"mute_one\"", 1), &[]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("line 2"), "{errors}");
    let without_last = &text[..text[..text.len() - 1].rfind('\n').unwrap() + 1];
    assert_eq!(verify(without_last, &[]).0, Some(0), "a shorter chain is a chain");
    assert_eq!(verify(without_last, &["--expect-last", &last]).0, Some(1));
    assert_eq!(run(&["audit", "verify", "/does/not/exist"]).0, Some(1));
    assert_eq!(run(&["audit", "verify"]).0, Some(2));
    let config = File::new("audit", &format!("[store]\ndir = \"{}\"\n", folder.0.display()));
    std::fs::write(&log, &text).unwrap();
    assert_eq!(run(&["--config", config.path(), "audit", "verify"]).0, Some(0), "the configured log");
}

#[tokio::test]
async fn the_chain_holds_over_kill_9() {
    let folder = Folder::new();
    let log = folder.0.join("elsewhere.log");
    let secret = File::new("audit-secret", "a shared secret for tests, 32 bytes at least");
    let key = format!("[[keys]]\nid = \"test\"\nalgorithm = \"HS256\"\nsecret_file = \"{}\"\n", secret.path());
    let rooms = "[rooms]\nopen_rooms = [\"demo\"]\n[media]\nbind = [\"127.0.0.1\"]\n";
    let config = File::new("audit-kill", &format!("{rooms}[audit]\nfile = \"{}\"\n{key}", log.display()));
    // For its tokens only: the key is the same.
    let tokens = server().await;
    let mut written = 0;
    for _ in 0..3 {
        let relay = Running::start(&["--config", config.path()]);
        let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/v1/rooms/demo/connect", relay.http)).await.unwrap();
        let mut anna = Socket(socket);
        anna.send(&json!({"type": "hello", "version": 1, "token": tokens.host("anna")})).await;
        anna.until("welcome").await;
        for id in 0..60 {
            let lock = if id % 2 == 0 { "lock" } else { "unlock" };
            anna.send(&json!({"type": "command", "id": id, "command": {"type": lock}})).await;
        }
        anna.until("done").await;
        relay.signal("-KILL");
        relay.end();
        // What a crash of the machine could leave behind the last line.
        let torn = std::fs::read(&log).unwrap();
        std::fs::write(&log, [torn.as_slice(), b"{\"seq\":"].concat()).unwrap();
        assert_eq!(run(&["audit", "verify", log.to_str().unwrap()]).0, Some(1));
        Running::start(&["--config", config.path()]).signal("-KILL");
        let (code, output, errors) = run(&["audit", "verify", log.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{errors}");
        let now = entries(&log).len();
        assert!(now > written, "{output}");
        written = now;
    }
    assert!(entries(&log).iter().filter(|entry| entry["action"] == "audit_mended").count() >= 2);
}
