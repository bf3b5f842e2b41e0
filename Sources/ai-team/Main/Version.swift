/// What `--version` prints.
enum Version {
    /// The released version; CHANGELOG.md says what each one holds.
    static let number = "0.1.0"

    /// Version, commit and build date; the last two come from the build (Plugins/BuildInfo).
    static var text: String { "ai-team \(number) (\(BuildInfo.commit), built \(BuildInfo.date))" }
}
