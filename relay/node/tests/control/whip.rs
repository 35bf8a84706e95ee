//! WHIP and WHEP from POST to DELETE.

use node::tokens::TokenRole;
use signal::sdp::MAX_SDP;

use crate::support::{Answer, Server, server, server_with};

const PUBLISHER: &str = include_str!("../../../signal/tests/fixtures/obs_whip.sdp");
const VIEWER: &str = include_str!("../../../signal/tests/fixtures/chromium_viewer.sdp");
const FRAGMENT: &str = "a=ice-ufrag:newU\r\na=ice-pwd:0123456789012345678901234\r\na=end-of-candidates\r\n";

async fn post(server: &Server, endpoint: &str, token: &str, offer: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/sdp")];
    server.request("POST", &format!("/v1/rooms/demo/{endpoint}"), &headers, offer).await
}

async fn patch(server: &Server, resource: &str, token: &str, condition: Option<&str>, body: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("authorization", authorization.as_str()), ("content-type", "application/trickle-ice-sdpfrag")];
    headers.extend(condition.map(|condition| ("if-match", condition)));
    server.request("PATCH", resource, &headers, body).await
}

async fn delete(server: &Server, resource: &str, token: &str) -> Answer {
    server.request("DELETE", resource, &[("authorization", &format!("Bearer {token}"))], "").await
}

#[tokio::test]
async fn a_publisher_comes_restarts_ice_and_goes() {
    let server = server().await;
    let token = server.participant("encoder");
    let (mut anna, _) = server.enter(&server.participant("anna"), None).await;
    let created = post(&server, "whip", &token, PUBLISHER).await;
    assert_eq!((created.status, created.header("content-type")), (201, Some("application/sdp")), "{}", created.body);
    assert_eq!(created.header("accept-patch"), Some("application/trickle-ice-sdpfrag"));
    assert_eq!(created.header("link"), None);
    assert_eq!(created.header("access-control-allow-origin"), Some("*"));
    assert!(created.body.contains("a=ice-lite") && created.body.contains("a=recvonly"), "{}", created.body);
    let resource = created.header("location").unwrap();
    let tag = created.header("etag").unwrap();
    assert!(resource.starts_with("/v1/rooms/demo/whip/"));
    assert_eq!(anna.until("joined").await["participant"]["name"], "encoder");

    // A bad offer of the same person ends nothing: the resource below is still there.
    post(&server, "whip", &token, "v=0 nonsense").await.refused(422, "bad_offer");
    patch(&server, resource, &token, None, FRAGMENT).await.refused(428, "precondition_required");
    patch(&server, resource, &token, Some("\"old\""), FRAGMENT).await.refused(412, "precondition_failed");
    patch(&server, resource, &token, Some("*"), "nothing").await.refused(422, "bad_offer");
    let trickled = FRAGMENT.replace("newU", "kD3v").replace("0123456789012345678901234", "ceMwXJp0kIVQpQy0uVqkCX");
    assert_eq!(patch(&server, resource, &token, Some(tag), &trickled).await.status, 204);
    let restarted = patch(&server, resource, &token, Some("*"), FRAGMENT).await;
    assert_eq!((restarted.status, restarted.header("content-type")), (200, Some("application/trickle-ice-sdpfrag")), "{}", restarted.body);
    assert!(restarted.body.contains("a=ice-ufrag:aa"), "{}", restarted.body);
    assert_ne!(restarted.header("etag"), Some(tag));
    patch(&server, resource, &token, Some(tag), &trickled).await.refused(412, "precondition_failed");

    let stranger = server.participant("stranger");
    delete(&server, resource, &stranger).await.refused(404, "not_found");
    delete(&server, resource, "x.y.z").await.refused(401, "unauthorized");
    delete(&server, &format!("{}0", &resource[..resource.len() - 1]), &stranger).await.refused(404, "not_found");
    let elsewhere = resource.replace("/demo/", "/second/");
    delete(&server, &elsewhere, &server.token(Some("second"), "encoder", TokenRole::Participant)).await.refused(404, "not_found");
    assert_eq!(delete(&server, resource, &token).await.status, 200);
    anna.until("left").await;
    delete(&server, resource, &token).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_viewer_is_not_in_the_roster() {
    let server = server().await;
    let created = post(&server, "whep", &server.participant("viewer"), VIEWER).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert!(created.header("location").unwrap().starts_with("/v1/rooms/demo/whep/"));
    assert!(created.body.contains("a=sendonly"), "{}", created.body);
    let (_anna, welcome) = server.enter(&server.participant("anna"), None).await;
    assert_eq!(welcome["roster"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.room("demo").await.json()["people"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn bad_requests_leave_nothing_behind() {
    let server = server().await;
    let token = server.participant("encoder");
    let bearer = format!("Bearer {token}");
    post(&server, "whip", "x.y.z", PUBLISHER).await.refused(401, "unauthorized");
    post(&server, "whip", &server.token(Some("other"), "encoder", TokenRole::Host), PUBLISHER).await.refused(401, "unauthorized");
    post(&server, "whip", &server.token(None, "encoder", TokenRole::Service), PUBLISHER).await.refused(401, "unauthorized");
    server.request("POST", "/v1/rooms/demo/whip", &[("content-type", "application/sdp")], PUBLISHER).await.refused(401, "unauthorized");
    server
        .request("POST", "/v1/rooms/demo/whip", &[("authorization", &bearer), ("content-type", "text/plain")], PUBLISHER)
        .await
        .refused(415, "unsupported_media_type");
    post(&server, "whip", &token, "v=0 nonsense").await.refused(422, "bad_offer");
    post(&server, "whip", &token, "").await.refused(422, "bad_offer");
    post(&server, "whip", &token, &"a".repeat(MAX_SDP + 1)).await.refused(413, "too_large");
    let flood = format!("{PUBLISHER}{}", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(1800));
    post(&server, "whip", &token, &flood).await.refused(422, "bad_offer");
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
        let answer = server.request(method, "/v1/rooms/demo/whip", &[("authorization", &bearer)], "").await;
        assert_eq!(answer.status, 405, "{method}");
    }
    let options = server.request("OPTIONS", "/v1/rooms/demo/whip", &[("origin", "https://elsewhere.example")], "").await;
    assert_eq!((options.status, options.header("accept-post")), (204, Some("application/sdp")));
    assert_eq!(options.header("access-control-allow-origin"), Some("*"));
    assert_eq!(options.header("access-control-allow-credentials"), None);
    server.room("demo").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_full_room_refuses_a_publisher() {
    let server = server_with(|config| config.limits.people_per_room = 1).await;
    let (_anna, _) = server.enter(&server.participant("anna"), None).await;
    post(&server, "whip", &server.participant("encoder"), PUBLISHER).await.refused(503, "full");
    assert_eq!(server.room("demo").await.json()["people"].as_array().map(Vec::len), Some(1));
}
