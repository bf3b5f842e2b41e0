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
