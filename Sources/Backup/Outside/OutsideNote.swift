/// Something from outside the vault that is not in the backup, or not as it is now.
public struct OutsideNote: Sendable, Hashable, CustomStringConvertible {
    /// Why.
    public enum Reason: Sendable, Hashable {
        /// The system refused to read it; its words.
        case unreadable(String)
        /// It was there and is not any more.
        case vanished
        /// It changed while it was read: what the backup holds may be neither the old nor the new state.
        case changed
        /// A path of the configuration: nothing is there.
        case missing
        /// Its beginning is in the backup, zeros follow: the system's words.
        case damaged(String)
        /// A path that was asked for is a link: the link is in the backup, what it points to is not.
        case link
        /// A socket, a device or a named pipe.
        case special
        /// The home itself, or its keys and data, which a backup holds in its own way.
        case home
        /// More than 16,000 bytes of path or 500 directories.
        case tooDeep
    }

    /// The absolute path as bytes.
    public let path: [UInt8]
    public let reason: Reason

    package init(path: [UInt8], reason: Reason) {
        self.path = path
        self.reason = reason
    }

    /// The path for people.
    public var name: String { path.printable }

    /// One line.
    public var description: String {
        switch reason {
        case .unreadable(let words): "\(name): left out, \(words)"
        case .vanished: "\(name): left out, it vanished"
        case .changed: "\(name): it changed while it was read"
        case .missing: "\(name): left out, there is no such file or directory"
        case .damaged(let words): "\(name): only its beginning could be read, zeros follow: \(words)"
        case .link: "\(name): kept as a link; a slash after it means what it points to"
        case .special: "\(name): left out, neither a file nor a directory nor a link"
        case .home: "\(name): left out, it belongs to the home"
        case .tooDeep: "\(name.prefix(200))…: left out, its path is too long"
        }
    }
}
