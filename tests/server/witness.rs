//! Others keep the heads of a server's audit log and convict it when the log is cut: the server above it, and enrolled
//! computers.

use std::path::PathBuf;

use serde_json::Value;

use super::{
    Server,
    apps::{App, token},
    chained::chained,
    console::{fails, json, touch},
};

/// Cuts the last entry off, with the head that was signed at it, so that what is left is a whole log.
const CUT: &str = "DELETE FROM audit_heads WHERE seq = (SELECT MAX(seq) FROM audit); \
     DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit); \
     UPDATE audit_tip SET seq = (SELECT MAX(seq) FROM audit), \
     hash = (SELECT hash FROM audit ORDER BY seq DESC LIMIT 1);";

#[test]
fn a_log_that_was_cut_is_found_out_by_the_heads_that_the_server_above_kept() {
    let [upper, mut lower] = chained();
    for group in ["7a", "7b", "7c"] {
        json(&lower, &["groups", "add", group]);
    }
    // A head is signed and handed up at the start, and each minute from then on.
    lower.end_and_start();
    let begun = std::time::Instant::now();
    while json(&lower, &["audit", "verify", "--upstreams"])["kept_elsewhere"] == 0 {
        assert!(begun.elapsed().as_secs() < 20, "no head was kept above");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(json(&lower, &["audit", "verify", "--upstreams"])["whole"], true);

    lower.stop();
    touch(&lower, CUT);
    assert_eq!(json(&lower, &["audit", "verify"])["whole"], true, "by itself nobody sees it");
    let (code, said) = fails(&lower, &["audit", "verify", "--upstreams"]);
    assert!(code == 5 && said.contains("the log ends with entry"), "{said}");

    // Written anew behind the cut, the next head that is handed up contradicts the one that is kept.
    json(&lower, &["groups", "add", "8a"]);
    lower.start_again();
    let begun = std::time::Instant::now();
    let told = || json(&upper, &["audit", "list", "--action", "audit.heads"]);
    while told().as_array().unwrap().is_empty() {
        assert!(begun.elapsed().as_secs() < 20, "the server above did not notice");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(told()[0]["outcome"], "refused: conflict");
}

#[test]
fn a_log_that_was_cut_or_written_anew_is_found_out_by_an_enrolled_computer_which_says_so() {
    let (mut server, owner) = Server::owned();
    let mut computer = App::enrolled(&server, &token(&owner, &[("role", "student")]));
    // Asked for at the console, a head is signed without a minute having to pass.
    for group in ["7a", "7b"] {
        json(&server, &["groups", "add", group]);
        json(&server, &["audit", "heads"]);
    }
    let signed = json(&server, &["audit", "heads"])["heads"].as_array().unwrap().clone();
    computer.restart();
    let kept = |status: &Value| status["managed"]["audit_heads"].as_u64() >= Some(signed.len() as u64);
    let status = computer.status("it keeps all heads", kept);
    assert_eq!(status["managed"]["audit_broken"], Value::Null);
    let proof = std::fs::read(kept_heads(&computer)).unwrap();
    let newest = signed.last().unwrap()["hash"].as_str().unwrap();
    assert!(String::from_utf8_lossy(&proof).contains(newest));

    server.stop();
    touch(&server, CUT);
    server.start_at_the_same_address();
    assert_eq!(json(&server, &["audit", "verify"])["whole"], true, "by itself nobody sees it");
    told_at_next_start(&mut computer, "its end was cut off");

    // Another entry in its place.
    json(&server, &["groups", "add", "8a"]);
    let anew = json(&server, &["audit", "heads"])["heads"].as_array().unwrap().last().unwrap().clone();
    assert!(anew["seq"] == signed.last().unwrap()["seq"] && anew["hash"] != newest, "{anew}");
    told_at_next_start(&mut computer, "the log was written anew");
    assert!(std::fs::read(kept_heads(&computer)).unwrap() == proof, "what was kept is the proof, and stays");
}

/// The file in which a computer keeps the heads of its server.
fn kept_heads(app: &App) -> PathBuf {
    let entries = std::fs::read_dir(app.home().join("state")).unwrap().map(|entry| entry.unwrap().path());
    let mut entries = entries.filter(|path| path.to_string_lossy().contains("audit-heads-"));
    entries.next().expect("it keeps heads")
}

/// What is told of the log by `status`, for programs and for people, with where the proof is.
fn told_at_next_start(app: &mut App, what: &str) {
    app.restart();
    let status = app.status("it is told", |status| status["managed"]["audit_broken"].is_string());
    assert!(status["managed"]["audit_broken"].as_str().unwrap().contains(what), "{status}");
    let proof = kept_heads(app);
    let troubles = status["troubles"].as_array().unwrap();
    let told = |trouble: &&Value| trouble["what"].as_str().is_some_and(|told| told.contains(what));
    let trouble = troubles.iter().find(told).unwrap_or_else(|| panic!("{status}"));
    assert!(trouble.to_string().contains(proof.to_str().unwrap()), "{trouble}");
    let shown = app.run(&["status"]).stdout;
    assert!(shown.contains("Audit log") && shown.contains(what), "{shown}");
}
