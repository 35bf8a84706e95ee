//! The operators' listener: the page, its JSON, reasons, and that nothing of it is for anybody else.

use node::tokens::TokenRole;
use serde_json::{Value, json};

use crate::support::{Answer, Server, request, server};

async fn admin(server: &Server, path: &str) -> Answer {
    request(server.admin, "GET", path, &[], "").await
}

#[tokio::test]
async fn the_page_is_on_the_operators_listener_alone() {
    let server = server().await;
    for path in ["/admin/", "/admin/admin.css", "/admin/js/main.js", "/css/base.css", "/favicon.svg"] {
        let answer = admin(&server, path).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    for path in ["/admin", "/"] {
        let answer = admin(&server, path).await;
        assert_eq!((answer.status, answer.header("location")), (307, Some("/admin/")));
    }
    for path in ["/admin/", "/admin/index.html", "/admin/js/main.js", "/node", "/rooms/demo", "/rooms/demo/why?viewer=1"] {
        server.get(path).await.refused(404, "not_found");
    }
    for path in ["/admin/README.md", "/admin/jsconfig.json", "/admin/../js/main.js", "/js/main.js", "/v1/rooms/demo", "/nothing"] {
        admin(&server, path).await.refused(404, "not_found");
    }
    request(server.admin, "POST", "/rooms", &[], "{}").await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn another_pages_name_for_this_machine_opens_nothing() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = server().await;
    for (host, status) in
        [("evil.example", "421"), ("evil.example:7890", "421"), ("localhost:7890", "200"), ("127.0.0.1", "200"), ("[::1]:1", "200")]
    {
        let mut stream = tokio::net::TcpStream::connect(server.admin).await.unwrap();
        stream.write_all(format!("GET /rooms HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text.split(' ').nth(1), Some(status), "{host}");
    }
}

#[tokio::test]
async fn rooms_and_people_are_told_without_names() {
    let server = server().await;
    let (_anna, anna) = server.enter(&server.participant("anna-identity"), None).await;
    let (_bent, bent) = server.enter(&server.token(Some("demo"), "bent-identity", TokenRole::Host), None).await;
    let rooms = admin(&server, "/rooms?detail=true").await.json();
    let expected =
        json!([{"room": "demo", "worker": 0, "sessions": 2, "people": 2, "waiting": 0, "publications": 0, "bits_per_second": 0}]);
    assert_eq!(rooms, expected);
    assert_eq!(admin(&server, "/rooms?detail=true&after=demo").await.json(), json!([]));
    for bad in ["?detail=true&limit=0", "?detail=true&limit=101", "?limit=x", "?after=a%20b", "?surprise=1"] {
        admin(&server, &format!("/rooms{bad}")).await.refused(400, "bad_request");
    }
    let room = admin(&server, "/rooms/DEMO").await;
    let body = room.json();
    assert_eq!(body["worker"], 0);
    let people = body["people"].as_array().unwrap();
    let of = |welcome: &Value| people.iter().find(|person| person["participant"] == welcome["participant"]).unwrap().clone();
    assert_eq!((&of(&anna)["role"], &of(&bent)["role"]), (&json!("participant"), &json!("host")));
    let pseudonym = of(&anna)["pseudonym"].as_str().unwrap().to_owned();
    assert!(pseudonym.len() == 16 && pseudonym != of(&bent)["pseudonym"]);
    let events = admin(&server, "/rooms/demo/events?last=200").await;
    let why = admin(&server, &format!("/rooms/demo/why?viewer={}", anna["participant"])).await;
    for answer in [&room, &events, &why] {
        assert_eq!(answer.status, 200);
        assert!(!answer.body.contains("identity"), "{}", answer.body);
    }
    admin(&server, "/rooms/demo/events?last=0").await.refused(400, "bad_request");
    admin(&server, "/rooms/none").await.refused(404, "not_found");
    let node = admin(&server, "/node").await.json();
    assert_eq!(
        (&node["ready"], &node["sessions"], &node["workers"][0]["counters"]["crossed_zero_bit"]),
        (&json!(true), &json!(2), &json!(0))
    );
}

#[tokio::test]
async fn reasons_say_what_stands_in_the_way() {
    let server = server().await;
    let (_anna, anna) = server.enter(&server.participant("anna"), None).await;
    let (_bent, bent) = server.enter(&server.participant("bent"), None).await;
    let (anna, bent) = (&anna["participant"], &bent["participant"]);
    let service = format!("Bearer {}", server.token(None, "booking", TokenRole::Service));
    let ask = async |token: &str, query: &str| {
        server.request("GET", &format!("/v1/rooms/demo/why{query}"), &[("authorization", token)], "").await
    };
    let why = ask(&service, &format!("?viewer={anna}")).await;
    assert_eq!(why.status, 200, "{}", why.body);
    let body = why.json();
    assert_eq!((&body["room"], &body["viewer"]), (&json!("demo"), anna));
    let rows = body["rows"].as_array().unwrap();
    let reason = |who: &Value, source: &str| {
        let row = rows.iter().find(|row| row["participant"] == *who && row["source"] == source).unwrap_or_else(|| panic!("{body}"));
        assert!(row["sentence"].as_str().is_some_and(|sentence| sentence.ends_with('.')), "{row}");
        assert_eq!(row["shown"], false);
        row["reason"].clone()
    };
    assert_eq!(reason(anna, "camera"), "oneself");
    assert_eq!(reason(bent, "camera"), "not_published");
    for bad in ["", "?viewer=", "?viewer=x", "?viewer=-1", "?viewer=1&more=1"] {
        ask(&service, bad).await.refused(400, "bad_request");
        admin(&server, &format!("/rooms/demo/why{bad}")).await.refused(400, "bad_request");
    }
    ask(&service, "?viewer=1099511627776").await.refused(404, "not_found");
    ask("Bearer x.y.z", &format!("?viewer={anna}")).await.refused(401, "unauthorized");
    let person = format!("Bearer {}", server.participant("anna"));
    ask(&person, &format!("?viewer={anna}")).await.refused(401, "unauthorized");
    // Without a token nobody learns whether the query would have been a good one.
    ask("Bearer x.y.z", "").await.refused(401, "unauthorized");
}
