import Synchronization

/// A number that several threads count with.
final class Counter: Sendable {
    private let number: Mutex<Int>

    init(_ number: Int) { self.number = Mutex(number) }

    var value: Int { number.withLock { $0 } }

    /// - Returns: what it is afterwards.
    @discardableResult
    func decrement() -> Int {
        number.withLock {
            $0 -= 1
            return $0
        }
    }
}
