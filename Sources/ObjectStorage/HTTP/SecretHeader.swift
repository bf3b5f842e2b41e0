package import Cryptography

/// A header whose value is a secret: this program makes no string of it, and what libcurl was given is wiped.
package final class SecretHeader: Sendable {
    /// The line as C reads it, with a zero at its end.
    private let line: SecretBytes

    /// `name: scheme secret`.
    package init(_ name: String, scheme: String, _ secret: borrowing SecretBytes) {
        let beginning = Array("\(name): \(scheme) ".utf8)
        var line: [UInt8] = []
        // An array that grew would leave its former bytes behind.
        line.reserveCapacity(beginning.count + secret.count + 1)
        line += beginning
        secret.withUnsafeBytes { line.append(contentsOf: $0) }
        line.append(0)
        self.line = SecretBytes(wiping: &line)
    }

    /// Lends the line for the time of `body`.
    func withLine<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R? {
        try line.withUnsafeBytes { bytes in
            try bytes.assumingMemoryBound(to: CChar.self).baseAddress.map(body)
        }
    }
}
