//! Streams without a network: a feed, what is published, what a client gets.

use std::rc::Rc;

use http_body_util::BodyExt;
use hyper::StatusCode;
use serde_json::Value;
use tokio::task::LocalSet;

use super::feed::Room;
use super::*;
use crate::bus::EventBus;
use crate::model::event::{
    Channel, Communication, Entered, Event, GroupChange, Output, RemoteCommunication, StateChange,
    SupervisorChange,
};
use crate::model::name::ProcessName;
use crate::model::notice::{Level, Notice};
use crate::model::state::ProcessState;
use crate::model::time::{Now, WallTime};

struct Fixture {
    bus: EventBus,
    board: Rc<Board>,
    feed: Rc<Feed>,
    service: EventStream,
    closing: CancellationToken,
}

impl Fixture {
    fn new(live: Room) -> Self {
        let (bus, closing) = (EventBus::new(), CancellationToken::new());
        let feed = Feed::with_room(WallTime::from_nanos(16_000_000), live);
        bus.observe(Rc::clone(&feed) as Rc<_>);
        let board = Rc::new(Board::default());
        let service =
            EventStream::new(Rc::clone(&feed), Rc::clone(&board), Budget::default(), closing.clone());
        Self { bus, board, feed, service, closing }
    }

    fn say(&self, data: &str) -> u64 {
        self.publish(said(data.as_bytes()))
    }

    fn publish(&self, event: Event) -> u64 {
        self.bus.publish(Now { wall: WallTime::from_nanos(1_500_000_999), ..Now::default() }, event)
    }

    fn get(&self, query: &str) -> Response {
        let request = hyper::Request::get(format!("/events?format=json&{query}")).body(Bytes::new()).unwrap();
        self.service.answer(&request)
    }

    /// All lines that there are.
    async fn recent(&self, query: &str) -> Vec<Value> {
        let body = self.get(&format!("{query}&follow=no")).into_body().collect().await.unwrap();
        lines(&body.to_bytes())
    }
}

const ROOMY: Room = Room { events: 1000, bytes: 1 << 20 };

fn said(data: &[u8]) -> Event {
    let process = ProcessName::new("g".into(), "p");
    let data = Bytes::copy_from_slice(data);
    Event::Communicated(Communication { process, pid: 7, channel: Channel::Stderr, data })
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    std::str::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn texts(lines: &[Value]) -> Vec<String> {
    lines
        .iter()
        .map(|line| line["data"].as_str().unwrap_or(line["type"].as_str().unwrap()).to_owned())
        .collect()
}

/// The next piece of a stream, as lines; none at its end.
async fn piece(body: &mut Response) -> Option<Vec<Value>> {
    let frame = body.body_mut().frame().await?.unwrap();
    Some(lines(&frame.into_data().unwrap()))
}

#[tokio::test]
async fn events_have_their_fields_by_name() {
    let fixture = Fixture::new(ROOMY);
    let process = ProcessName::new("g".into(), "p");
    let change = |entered| {
        let from = ProcessState::Exited;
        Event::StateChanged(StateChange { process: process.clone(), from, entered })
    };
    fixture.publish(change(Entered::Starting { tries: 2, restart: true }));
    fixture.publish(change(Entered::Exited { expected: false, pid: 9 }));
    fixture.publish(Event::GroupChanged(GroupChange::Removed("g".into())));
    fixture.publish(said(b"a\xff\"b"));
    let output = Output {
        process: process.clone(),
        pid: 9,
        channel: Channel::Stdout,
        bytes: 1,
        lines: 0,
        rotations: 0,
        write_errors: 0,
        data: Some("x".into()),
        announced: true,
    };
    fixture.publish(Event::OutputRead(output));
    let all = fixture.recent("recent").await;
    let expected = [
        r#"{"id":"10-1","seq":1,"time":1.5,"type":"PROCESS_STATE_STARTING","processname":"p","groupname":"g",
            "from_state":"EXITED","tries":2,"restart":true}"#,
        r#"{"id":"10-2","seq":2,"time":1.5,"type":"PROCESS_STATE_EXITED","processname":"p","groupname":"g",
            "from_state":"EXITED","expected":false,"pid":9}"#,
        r#"{"id":"10-3","seq":3,"time":1.5,"type":"PROCESS_GROUP_REMOVED","groupname":"g"}"#,
        r#"{"id":"10-4","seq":4,"time":1.5,"type":"PROCESS_COMMUNICATION_STDERR","processname":"p",
            "groupname":"g","pid":7,"channel":"stderr","data":"a�\"b"}"#,
        r#"{"id":"10-5","seq":5,"time":1.5,"type":"PROCESS_LOG_STDOUT","processname":"p","groupname":"g","pid":9,
            "channel":"stdout","data":"x"}"#,
    ];
    assert_eq!(all, expected.map(|text| serde_json::from_str::<Value>(text).unwrap()));
    assert_eq!(fixture.recent("recent&data=base64&type=PROCESS_COMMUNICATION").await[0]["data"], "Yf8iYg==");
}

#[tokio::test]
async fn server_sent_events() {
    let fixture = Fixture::new(ROOMY);
    fixture.publish(Event::SupervisorChanged(SupervisorChange::Running));
    let request = hyper::Request::get("/events?recent&follow=no").body(Bytes::new()).unwrap();
    let response = fixture.service.answer(&request);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        std::str::from_utf8(&body).unwrap(),
        "id: 10-1\nevent: SUPERVISOR_STATE_CHANGE_RUNNING\ndata: {\"id\":\"10-1\",\"seq\":1,\"time\":1.5,\
         \"type\":\"SUPERVISOR_STATE_CHANGE_RUNNING\"}\n\n"
    );
}

// Facts that only the activity log tells of have numbers, too.
#[tokio::test]
async fn a_client_comes_back_to_where_it_was() {
    let fixture = Fixture::new(ROOMY);
    fixture.say("a");
    fixture.publish(Event::Noticed(Notice::Message(Level::Info, "x".into())));
    let third = fixture.say("b");
    fixture.say("c");
    assert_eq!(texts(&fixture.recent("since=1").await), ["b", "c"]);
    assert_eq!(texts(&fixture.recent("since=2").await), ["b", "c"]);
    assert_eq!(texts(&fixture.recent(&format!("since=10-{third}")).await), ["c"]);
    assert!(fixture.recent("since=4").await.is_empty() && fixture.recent("").await.is_empty());
}

#[tokio::test]
async fn a_gap_is_marked_where_there_is_one() {
    let fixture = Fixture::new(ROOMY);
    for n in 0..1100 {
        fixture.say(&n.to_string());
    }
    let all = fixture.recent("since=5").await;
    assert_eq!(
        (&all[0]["type"], &all[0]["after"], &all[0]["before"]),
        (&"GAP".into(), &5.into(), &101.into())
    );
    assert_eq!((all.len(), &all[0]["restarted"], &all[1]["seq"]), (1001, &false.into(), &101.into()));
    assert_eq!(fixture.recent("since=100").await[0]["seq"], 101);
    let other = fixture.recent("since=ab-1099").await;
    assert_eq!((other.len(), &other[0]["restarted"]), (1001, &true.into()));
    // Numbers that are not given out yet are of another daemon as well.
    assert_eq!(fixture.recent("since=5000").await[0]["restarted"], true);
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_until_the_end() {
    let fixture = Fixture::new(ROOMY);
    fixture.say("before");
    LocalSet::new()
        .run_until(async {
            let mut stream = fixture.get("");
            let mut filtered = fixture.get("type=TICK");
            assert_eq!(fixture.feed.readers(), 2);
            fixture.say("one");
            fixture.say("two");
            assert_eq!(texts(&piece(&mut stream).await.unwrap()), ["one", "two"]);
            fixture.say("three");
            fixture.closing.cancel();
            assert_eq!(texts(&piece(&mut stream).await.unwrap()), ["three"]);
            assert_eq!(piece(&mut stream).await, None);
            assert_eq!(piece(&mut filtered).await, None);
        })
        .await;
    assert_eq!((fixture.feed.readers(), fixture.feed.missed()), (0, 0));
}

// The events that a filter leaves out are seen, too.
#[tokio::test(start_paused = true)]
async fn a_silent_stream_tells_its_place() {
    let fixture = Fixture::new(ROOMY);
    fixture.say("before");
    LocalSet::new()
        .run_until(async {
            let request = hyper::Request::get("/events?type=TICK").body(Bytes::new()).unwrap();
            let mut stream = fixture.service.answer(&request);
            let mut next = async || {
                let frame = stream.body_mut().frame().await.unwrap().unwrap();
                String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
            };
            assert_eq!(next().await, "id: 10-1\n\n");
            fixture.say("left out");
            assert_eq!(next().await, "id: 10-2\n\n");
            fixture.publish(Event::Noticed(Notice::Message(Level::Info, "x".into())));
            assert_eq!(next().await, "id: 10-3\n\n");
            let chatter = async {
                loop {
                    fixture.say("left out");
                    // Never at the very moment at which the stream is told.
                    sleep(Duration::from_secs(4)).await;
                }
            };
            tokio::select! {
                () = chatter => {}
                told = timeout(2 * KEEP_ALIVE, next()) => assert_eq!(told.as_deref(), Ok("id: 10-7\n\n")),
            }
        })
        .await;
}

#[tokio::test]
async fn only_data_is_in_base64() {
    let fixture = Fixture::new(ROOMY);
    fixture.publish(Event::RemotelyCommunicated(RemoteCommunication { kind: "t".into(), data: "x".into() }));
    let event = &fixture.recent("recent&data=base64").await[0];
    assert_eq!((&event["remote_type"], &event["data"]), (&"t".into(), &"eA==".into()));
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_cut_off_and_others_miss_nothing() {
    let fixture = Fixture::new(Room { events: 10, bytes: 1 << 20 });
    LocalSet::new()
        .run_until(async {
            let (mut slow, mut quick) = (fixture.get(""), fixture.get(""));
            let mut seen = Vec::new();
            fixture.say("first");
            seen.extend(texts(&piece(&mut quick).await.unwrap()));
            for n in 0..25 {
                fixture.say(&n.to_string());
                seen.extend(texts(&piece(&mut quick).await.unwrap()));
            }
            let wanted = ["first".to_owned()].into_iter().chain((0..25).map(|n| n.to_string()));
            assert_eq!(seen, wanted.collect::<Vec<_>>());
            assert_eq!(texts(&piece(&mut slow).await.unwrap()), ["first"]);
            let last = piece(&mut slow).await.unwrap();
            assert_eq!(
                (last.len(), &last[0]["type"], &last[0]["missed"]),
                (1, &"CUT_OFF".into(), &15.into())
            );
            assert_eq!(piece(&mut slow).await, None);
        })
        .await;
    assert_eq!(fixture.feed.missed(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_gone_leaves_nothing() {
    let fixture = Fixture::new(ROOMY);
    LocalSet::new()
        .run_until(async {
            drop(fixture.get(""));
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            assert_eq!(fixture.feed.readers(), 0);
        })
        .await;
}

#[test]
fn what_is_refused() {
    let fixture = Fixture::new(ROOMY);
    let answer = |method: Method, path: &str| {
        let request = hyper::Request::builder().method(method).uri(path).body(Bytes::new()).unwrap();
        fixture.service.answer(&request).status()
    };
    assert_eq!(answer(Method::GET, "/eventsx"), StatusCode::NOT_FOUND);
    assert_eq!(answer(Method::POST, "/events"), StatusCode::BAD_REQUEST);
    assert_eq!(answer(Method::GET, "/events?type=x"), StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn notes_come_beside_events_to_those_who_want_them() {
    let fixture = Fixture::new(ROOMY);
    LocalSet::new()
        .run_until(async {
            let mut with = fixture.get("status&type=REMOTE_COMMUNICATION");
            let mut without = fixture.get("");
            assert!(fixture.board.take_asked());
            fixture.board.post(&serde_json::json!({"type": "STATUS"}));
            fixture.say("x");
            assert_eq!(texts(&piece(&mut with).await.unwrap()), ["STATUS"]);
            assert_eq!(texts(&piece(&mut without).await.unwrap()), ["x"]);
            drop(fixture.get("status&follow=no"));
            assert_eq!(fixture.board.readers(), 1);
            fixture.closing.cancel();
            assert!(piece(&mut with).await.is_none());
            assert_eq!(fixture.board.readers(), 0);
        })
        .await;
}

#[test]
fn the_last_events_of_a_filter() {
    let fixture = Fixture::new(ROOMY);
    assert_eq!(fixture.feed.last_id(), "10-0");
    for data in ["a", "b", "c"] {
        fixture.say(data);
    }
    fixture.publish(Event::GroupChanged(GroupChange::Added("g".into())));
    let filter = Filter::read("type=PROCESS_COMMUNICATION").unwrap();
    let recent = fixture.feed.recent(&filter, 2).concat();
    assert_eq!(texts(&lines(recent.as_bytes())), ["c", "b"]);
    assert_eq!(fixture.feed.last_id(), "10-4");
}
