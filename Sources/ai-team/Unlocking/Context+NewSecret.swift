import FileSystem
import KeyRing

extension Context {
    /// What is to open a home that is being made: a key file, which is made when it is not there, or a new
    /// passphrase.
    func newSecret() throws -> SlotSecret {
        if let path = options.keyFile ?? SecretSource.variable("AI_TEAM_KEY_FILE"),
            options.passphraseFile == nil
        {
            return try Files.exists(path) ? KeyFile.read(path) : KeyFile.create(path)
        }
        if options.passphraseFile == nil, let path = SecretSource.variable("AI_TEAM_PASSPHRASE_FILE") {
            return try SecretSource.newPassphrase(path)
        }
        if options.passphraseFile == nil, let secret = SecretSource.takenPassphrase() { return secret }
        return try SecretSource.newPassphrase(options.passphraseFile)
    }
}
