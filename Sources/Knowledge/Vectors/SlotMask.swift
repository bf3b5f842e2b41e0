internal import Vault

/// Which slots of a space a search looks at.
package struct SlotMask: Sendable {
    /// Bit `s % 64` of word `s / 64` of a block's mask, by the block's number.
    private var masks: [Int: [UInt64]] = [:]
    private let isExclusive: Bool

    /// All slots.
    package static let all = SlotMask([], isExclusive: true)

    private init(_ slots: [UInt32], isExclusive: Bool) {
        self.isExclusive = isExclusive
        for slot in slots {
            let (block, place) = (Int(slot) / CodeBlock.slots, Int(slot) % CodeBlock.slots)
            masks[block, default: Array(repeating: 0, count: CodeBlock.slots / 64)][place >> 6] |=
                1 << UInt64(place & 63)
        }
        if isExclusive { masks = masks.mapValues { $0.map(~) } }
    }

    /// These slots alone.
    package static func only(_ slots: [UInt32]) -> SlotMask { SlotMask(slots, isExclusive: false) }

    /// All slots but these.
    package static func without(_ slots: [UInt32]) -> SlotMask { SlotMask(slots, isExclusive: true) }

    /// What a block's slots are held against.
    enum Block {
        case none
        case some([UInt64])
        case all
    }

    func block(_ number: Int) -> Block {
        if let mask = masks[number] { return .some(mask) }
        return isExclusive ? .all : .none
    }

    func allows(_ slot: UInt32) -> Bool {
        switch block(Int(slot) / CodeBlock.slots) {
        case .none: false
        case .all: true
        case .some(let mask):
            mask[Int(slot) % CodeBlock.slots / 64] & 1 << UInt64(slot & 63) != 0
        }
    }
}
