import Vault

extension String {
    /// The last 6 characters of an id, which is what people's tables show.
    var shortID: String { String(suffix(6)) }
}

extension Timestamp {
    /// For people: `2026-11-25 10:00`, UTC.
    var short: String {
        let text = description
        return text.prefix(10) + " " + text.dropFirst(11).prefix(5)
    }
}

/// A size for people: `1.5 MB`, powers of ten.
func sizeText(_ bytes: Int64) -> String {
    var value = Double(bytes)
    var unit = 0
    while value >= 1000, unit < 5 {
        value /= 1000
        unit += 1
    }
    if unit == 0 { return "\(bytes) B" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(["B", "kB", "MB", "GB", "TB", "PB"][unit])"
}

/// `1 task`, `2 tasks`.
func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}

/// Lines of `name: value`, values aligned, empty ones left out.
func details(_ fields: [(String, String?)]) -> [String] {
    let shown = fields.compactMap { name, value in value.map { (name, $0) } }.filter { !$0.1.isEmpty }
    let width = shown.map { $0.0.count }.max() ?? 0
    return shown.map { name, value in
        "\(name):\(String(repeating: " ", count: width - name.count + 1))\(value.printable)"
    }
}
