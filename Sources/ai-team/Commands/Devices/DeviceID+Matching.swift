import KeyRing

extension DeviceID {
    /// Whether a person means this device: its whole id, or at least 4 characters of its beginning or end.
    func isMeant(by text: String) -> Bool {
        let typed = text.lowercased()
        let letters = typed.hasPrefix("dev-") ? String(typed.dropFirst(4)) : typed
        let own = description.dropFirst(4)
        return letters.utf8.count >= 4 && (own.hasPrefix(letters) || own.hasSuffix(letters))
    }
}

extension Sequence<Roster.Member> {
    /// The one device that a person means.
    ///
    /// - Throws: `not_found`, `ambiguous_id`.
    func meant(by text: String) throws -> Roster.Member {
        let found = filter { $0.id.isMeant(by: text) }
        guard let first = found.first else {
            throw Failure(
                .notFound, "there is no device '\(text.printable)' in this vault",
                hint: "`ai-team device list` shows them")
        }
        guard found.count == 1 else {
            throw Failure(
                .ambiguousID, "'\(text.printable)' is more than one device",
                candidates: found.map(\.id.description))
        }
        return first
    }
}
