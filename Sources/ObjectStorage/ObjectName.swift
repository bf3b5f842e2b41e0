/// The name of an object, below the prefix of its store: components of `A-Z a-z 0-9 . _ ~ -` between slashes.
///
/// Nothing else is allowed, so that a name needs no escaping anywhere, means the same to every kind of store
/// (R2 normalises Unicode, others refuse it), and is a safe path below a directory.
public struct ObjectName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The longest name in bytes, the store's prefix not counted.
    public static let limit = 900

    public let text: String

    /// Nil for a text that is no name: empty, too long, with an empty component, one that begins with a dot,
    /// or with another character than those above.
    public init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= Self.limit else { return nil }
        var isFirst = true
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "/"):
                if isFirst { return nil }
                isFirst = true
            case UInt8(ascii: "."):
                if isFirst { return nil }
            case _ where byte.isUnreserved: isFirst = false
            default: return nil
            }
        }
        if isFirst { return nil }
        self.text = text
    }

    public var description: String { text }

    /// By bytes, as stores list them.
    public static func < (a: ObjectName, b: ObjectName) -> Bool {
        a.text.utf8.lexicographicallyPrecedes(b.text.utf8)
    }
}

extension UInt8 {
    /// What stands unescaped in a URL (RFC 3986, 2.3).
    package var isUnreserved: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
