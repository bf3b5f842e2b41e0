/// Splitting paths at their slashes; nothing here asks the file system.
public enum Path {
    /// All before the last component: `a/b` gives `a`, `a` gives `.`, `/a` gives `/`, `/` nothing.
    public static func parent(_ path: String) -> String? {
        var bytes = Substring(path)
        while bytes.count > 1, bytes.hasSuffix("/") { bytes.removeLast() }
        if bytes == "/" || bytes.isEmpty { return nil }
        guard let slash = bytes.lastIndex(of: "/") else { return "." }
        return slash == bytes.startIndex ? "/" : String(bytes[..<slash])
    }

    /// The last component: `a/b/` gives `b`.
    public static func name(_ path: String) -> String {
        var bytes = Substring(path)
        while bytes.count > 1, bytes.hasSuffix("/") { bytes.removeLast() }
        guard bytes != "/", let slash = bytes.lastIndex(of: "/") else { return String(bytes) }
        return String(bytes[bytes.index(after: slash)...])
    }
}
