import Sync

/// The bars of contents that are sent and got.
struct BlobBar {
    private let sending: Progress
    private let getting: Progress

    init(_ console: Console) {
        sending = Progress("sending documents", console: console)
        getting = Progress("getting documents", console: console)
    }

    func show(_ progress: BlobProgress) {
        let bar =
            switch progress.direction {
            case .up: sending
            case .down: getting
            }
        bar.update(done: progress.done, total: progress.total)
        if progress.done >= progress.total { bar.finish() }
    }

    func finish() {
        sending.finish()
        getting.finish()
    }
}
