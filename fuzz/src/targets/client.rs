//! What a control server answers, as supervisorctl reads it: any bytes are an answer or an error, and no answer
//! keeps the client waiting once the server has closed.

use std::time::Duration;

use supervisor::client::proxy::{CallError, Proxy};
use supervisor::client::transport::{Endpoint, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Longer than any answer takes here.
const PATIENCE: Duration = Duration::from_secs(20);
/// How every call ends.
const END: &[u8] = b"</methodCall>\n";

struct World {
    folder: tempfile::TempDir,
    runtime: Runtime,
    listener: UnixListener,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let _entered = runtime.enter();
        let listener = UnixListener::bind(folder.path().join("s")).expect("a socket can be made");
        drop(_entered);
        Self { folder, runtime, listener }
    }

    /// One call, which is answered with these bytes.
    fn ask(&self, method: u8, answer: &[u8]) {
        let mut proxy = Proxy::new(Transport::new(Endpoint::Unix(self.folder.path().join("s")), None));
        let both = async { tokio::join!(call(&mut proxy, method), self.serve(answer)) };
        let ended = self.runtime.block_on(async { timeout(PATIENCE, both).await });
        assert!(ended.is_ok(), "the client still waits");
    }

    async fn serve(&self, answer: &[u8]) {
        let (mut stream, _) = self.listener.accept().await.expect("a client comes");
        let mut request = Vec::new();
        while !request.ends_with(END) {
            let read = stream.read_buf(&mut request).await.expect("the client sends its call");
            assert!(read > 0, "a call that is cut short");
        }
        // A client that has seen enough hangs up.
        let _refused = stream.write_all(answer).await;
    }
}

async fn call(proxy: &mut Proxy, method: u8) {
    let result = match method % 6 {
        0 => proxy.processes().await.map(drop),
        1 => proxy.process("p").await.map(drop),
        2 => proxy.results("supervisor.stopAllProcesses", &[]).await.map(drop),
        3 => proxy.reload_config().await.map(drop),
        4 => proxy.number("supervisor.getPID").await.map(drop),
        _ => proxy.text("supervisor.getIdentification", &[]).await.map(drop),
    };
    match result {
        Err(CallError::Transport(error)) => assert!(!error.to_string().is_empty()),
        Err(CallError::Fault(fault)) => assert!(i64::from(fault.code) != i64::MAX),
        Err(CallError::Unexpected(what)) => assert!(!what.is_empty()),
        Ok(()) => {}
    }
}

thread_local! {
    static WORLD: World = World::new();
}

/// One run.
pub fn run(input: &[u8]) {
    let Some((&method, answer)) = input.split_first() else { return };
    WORLD.with(|world| world.ask(method, answer));
}
