/// A map that is always in the order of its keys: what a deterministic core may iterate, where a dictionary's
/// order differs from run to run.
public struct SortedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    private var pairs: [(key: Key, value: Value)] = []

    /// An empty map.
    public init() {}

    /// The value of a key; setting nil removes it.
    public subscript(key: Key) -> Value? {
        get {
            let place = place(of: key)
            return place < pairs.count && pairs[place].key == key ? pairs[place].value : nil
        }
        set {
            let place = place(of: key)
            let isThere = place < pairs.count && pairs[place].key == key
            switch (newValue, isThere) {
            case (let value?, true): pairs[place].value = value
            case (let value?, false): pairs.insert((key, value), at: place)
            case (nil, true): pairs.remove(at: place)
            case (nil, false): break
            }
        }
    }

    /// The keys in order.
    public var keys: [Key] { pairs.map(\.key) }

    /// The first place whose key is not below `key`.
    private func place(of key: Key) -> Int {
        var low = 0
        var high = pairs.count
        while low < high {
            let middle = (low + high) / 2
            if pairs[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension SortedMap: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { pairs.count }

    public subscript(position: Int) -> (key: Key, value: Value) { pairs[position] }
}

extension SortedMap: Equatable where Value: Equatable {
    public static func == (a: SortedMap, b: SortedMap) -> Bool {
        a.count == b.count && zip(a.pairs, b.pairs).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }
}
