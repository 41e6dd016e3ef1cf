//! A server hands the heads of its audit log to the server above it, which convicts it when the log is cut.

use super::{
    Server, computer_key,
    console::{fails, json, touch},
};

#[test]
fn a_log_that_was_cut_is_found_out_by_the_heads_that_the_server_above_kept() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let ids = [0, 1].map(|which: usize| {
        let folder = folders[which].path();
        let (key, id) = computer_key(folder, "identity");
        std::fs::create_dir(folder.join("home")).unwrap();
        std::fs::copy(key, folder.join("home/identity.key")).unwrap();
        id
    });
    let [upper, lower] = folders;
    let begin = "[metrics]\nlisten = 'off'\n";
    std::fs::write(upper.path().join("server.toml"), format!("{begin}[[downstreams]]\nid = '{}'\n", ids[1])).unwrap();
    let upper = Server::start_in(upper);
    let address = upper.address.strip_prefix("https://").unwrap();
    let above = format!("{begin}[[upstreams]]\naddress = '{address}'\nid = '{}'\nname = 'School'\n", ids[0]);
    std::fs::write(lower.path().join("server.toml"), above).unwrap();
    let mut lower = Server::start_in(lower);
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
    touch(
        &lower,
        "DELETE FROM audit_heads; DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit); \
         UPDATE audit_tip SET seq = (SELECT MAX(seq) FROM audit), \
         hash = (SELECT hash FROM audit ORDER BY seq DESC LIMIT 1);",
    );
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
