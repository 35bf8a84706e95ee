//! A bounded queue before a writer that may be slow: whoever offers never waits, and closing waits until everything was written.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long closing waits for a writer that cannot write.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The way to a writer task.
pub(crate) struct Inbox<T> {
    sender: Mutex<Option<Sender<T>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl<T> Inbox<T> {
    /// A queue for `most` items; `writer` starts the task that takes them and ends when the queue is closed.
    pub(crate) fn new(most: usize, writer: impl FnOnce(Receiver<T>) -> JoinHandle<()>) -> Self {
        let (sender, receiver) = channel(most);
        Self { sender: Mutex::new(Some(sender)), writer: Mutex::new(Some(writer(receiver))) }
    }

    /// Queues an item; gives it back when the queue is full or closed.
    ///
    /// # Errors
    /// The item.
    pub(crate) fn offer(&self, item: T) -> Result<(), T> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        match &*sender {
            Some(sender) => sender.try_send(item).map_err(TrySendError::into_inner),
            None => Err(item),
        }
    }

    /// Takes no more, and returns when the writer has written what there was.
    pub(crate) async fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && timeout(LAST_WORDS, writer).await.is_err()
        {
            tracing::error!("a log could not be written for {} s; its last lines are lost", LAST_WORDS.as_secs());
        }
    }
}
