internal import Glibc

/// This thread's character set while libarchive handles names, whatever the process runs under.
struct NamesLocale: Sendable {
    /// Valid UTF-8 is written as such, anything else as bytes.
    static let utf8 = NamesLocale("C.UTF-8")
    /// No conversion at all.
    static let bytes = NamesLocale("C")

    /// A `locale_t`, made once and kept: it is a few kilobytes.
    private let address: UInt

    /// C: newlocale
    private init(_ name: String) {
        let mask: Int32 = 1 << LC_CTYPE
        address = UInt(bitPattern: newlocale(mask, name, nil))
    }

    /// Runs `body` under this character set. C: uselocale
    func with<R>(_ body: () -> R) -> R {
        guard let locale = locale_t(bitPattern: address) else { return body() }
        let before = uselocale(locale)
        defer { uselocale(before) }
        return body()
    }
}
