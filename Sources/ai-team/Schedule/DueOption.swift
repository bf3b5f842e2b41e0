import ArgumentParser
import Vault

/// `--when-due`: what schedules add to commands that reach for the remote.
struct DueOption: ParsableArguments {
    @Flag(
        help: "Ask nobody before backup.cloud.frequency (weekly) has gone by since the last time.")
    var whenDue = false

    /// When it is time again; nil when that is now.
    func wait(for deed: RemoteDeed, _ context: Context) throws -> Timestamp? {
        let home = try context.location().home
        guard whenDue, let last = try deed.last(in: home) else { return nil }
        let due = last.advanced(
            byMilliseconds: try BackupFrequency(HomeConfiguration(of: home), "cloud").patience)
        // A clock that was set back is no reason to wait for long.
        let now = Timestamp(milliseconds: Int64(clamping: context.milliseconds))
        return last <= now && now < due ? due : nil
    }
}
