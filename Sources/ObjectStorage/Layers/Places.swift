internal import Glibc

/// A number of places; who finds none free waits for one.
// SAFETY: the mutex guards the number, and neither moves: they stand in memory of their own.
final class Places: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var free: Int

    init(_ count: Int) {
        free = count
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` in a place.
    func take<R>(_ body: () throws -> R) rethrows -> R {
        pthread_mutex_lock(mutex)
        while free == 0 { pthread_cond_wait(changed, mutex) }
        free -= 1
        pthread_mutex_unlock(mutex)
        defer {
            pthread_mutex_lock(mutex)
            free += 1
            pthread_cond_signal(changed)
            pthread_mutex_unlock(mutex)
        }
        return try body()
    }
}
