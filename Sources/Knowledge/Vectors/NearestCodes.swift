/// The slots whose codes lie nearest to a query's, at most so many: a heap with the farthest on top. Of two
/// at the same distance the lower slot counts as nearer, so that the same data give the same answer.
package struct NearestCodes {
    private let limit: Int
    /// Distance and slot in one number.
    private var heap: [UInt64] = []

    package init(limit: Int) {
        self.limit = max(1, limit)
        heap.reserveCapacity(self.limit)
    }

    /// Codes farther away than this can't get in any more.
    var bound: UInt16 { heap.count < limit ? .max : UInt16(truncatingIfNeeded: heap[0] >> 32) }

    package mutating func offer(slot: UInt32, distance: UInt16) {
        let key = UInt64(distance) << 32 | UInt64(slot)
        if heap.count < limit {
            heap.append(key)
            rise()
        } else if key < heap[0] {
            heap[0] = key
            sink()
        }
    }

    /// The nearest first.
    package func sorted() -> [(slot: UInt32, distance: UInt16)] {
        heap.sorted().map { (UInt32(truncatingIfNeeded: $0), UInt16(truncatingIfNeeded: $0 >> 32)) }
    }

    private mutating func rise() {
        var place = heap.count - 1
        while place > 0, heap[(place - 1) / 2] < heap[place] {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink() {
        var place = 0
        while true {
            var largest = place
            // Not a loop over both: the array of two would be made anew for each step.
            let (left, right) = (2 * place + 1, 2 * place + 2)
            if left < heap.count, heap[left] > heap[largest] { largest = left }
            if right < heap.count, heap[right] > heap[largest] { largest = right }
            guard largest != place else { return }
            heap.swapAt(place, largest)
            place = largest
        }
    }
}
