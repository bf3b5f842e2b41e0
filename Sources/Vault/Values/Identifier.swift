internal import Synchronization

/// What an id names; its raw value is the part before the dash.
public enum IDKind: String, Sendable, CaseIterable {
    case task
    case project = "proj"
    case document = "doc"
    case version = "ver"
    case comment = "note"
}

/// Makes ids: the kind, a dash and a lower-case ULID (48 bits of milliseconds, 80 random bits), which sort
/// by time. Two ids of one millisecond differ by counting up, so that they sort in the order they were made.
package final class IDGenerator: Sendable {
    private struct State {
        var last: Int64 = .min
        var tail: [UInt8] = []
    }

    private let state = Mutex(State())
    private let surroundings: Surroundings

    package init(_ surroundings: Surroundings) { self.surroundings = surroundings }

    /// A new id of `kind`.
    package func next(_ kind: IDKind) throws -> String {
        let now = max(0, surroundings.now().milliseconds) & 0xFFFF_FFFF_FFFF
        let ulid = try state.withLock { state in
            if now <= state.last, state.tail.incrementBigEndian() {
                return ULID.text(milliseconds: state.last, tail: state.tail)
            }
            state.last = max(now, state.last)
            state.tail = try surroundings.random(10)
            state.tail[0] &= 0x7F  // leaves room to count up
            return ULID.text(milliseconds: state.last, tail: state.tail)
        }
        return "\(kind.rawValue)-\(ulid)"
    }
}

extension [UInt8] {
    /// Adds one; false when it wrapped to zero or is empty.
    fileprivate mutating func incrementBigEndian() -> Bool {
        for i in indices.reversed() {
            self[i] &+= 1
            if self[i] != 0 { return true }
        }
        return false
    }
}

/// The text form of a ULID: 26 characters of Crockford's base32.
package enum ULID {
    static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    package static func text(milliseconds: Int64, tail: [UInt8]) -> String {
        var out = [UInt8]()
        out.reserveCapacity(26)
        for shift in stride(from: 45, through: 0, by: -5) {
            out.append(alphabet[Int(milliseconds >> Int64(shift)) & 31])
        }
        var (bits, held) = (0, 0)
        for byte in tail {
            bits = bits << 8 | Int(byte)
            held += 8
            while held >= 5 {
                held -= 5
                out.append(alphabet[bits >> held & 31])
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// Ids that come from outside: `[A-Za-z0-9._-]{1,64}` and nothing else.
package func isForeignID(_ text: String) -> Bool {
    let bytes = text.utf8
    return (1...64).contains(bytes.count)
        && bytes.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
}
