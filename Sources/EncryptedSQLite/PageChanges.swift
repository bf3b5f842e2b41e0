/// New tags of some pages, by ascending number and without gaps between the bytes: a transaction can touch
/// millions.
struct PageChanges {
    private(set) var numbers: [UInt32] = []
    private(set) var tags: [UInt8] = []

    /// Adds the tag of a page, from the trailer that it has on disk (nonce 24 ‖ tag 16 ‖ epoch 4).
    mutating func set(_ number: UInt32, trailer: UnsafeRawPointer) {
        var tag = [UInt8](repeating: 0, count: PageTag.count)
        for index in 0..<4 { tag[index] = trailer.load(fromByteOffset: 40 + index, as: UInt8.self) }
        for index in 0..<40 { tag[4 + index] = trailer.load(fromByteOffset: index, as: UInt8.self) }
        set(number, tag)
    }

    /// Adds the tag of a page, or replaces the one that was added before.
    mutating func set(_ number: UInt32, _ tag: [UInt8]) {
        let index = place(of: number)
        let bytes = index * PageTag.count
        if index < numbers.count, numbers[index] == number {
            tags.replaceSubrange(bytes..<bytes + PageTag.count, with: tag)
        } else {
            numbers.insert(number, at: index)
            tags.insert(contentsOf: tag, at: bytes)
        }
    }

    func contains(_ number: UInt32) -> Bool {
        let index = place(of: number)
        return index < numbers.count && numbers[index] == number
    }

    /// The tag at `index`.
    func tag(at index: Int) -> ArraySlice<UInt8> {
        tags[index * PageTag.count..<(index + 1) * PageTag.count]
    }

    /// The first index whose number is not below `number`; SQLite hands pages out in order, so mostly the
    /// end.
    func place(of number: UInt32) -> Int {
        guard let last = numbers.last, last >= number else { return numbers.count }
        var (low, high) = (0, numbers.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
