internal import KeyRing
internal import Sync
internal import Vault

extension World {
    /// Whether the logs in the store are what was logged: of each device one chain without gaps, as far as it
    /// says, and each line once. Only where no device has taken a new life, which may repeat lines.
    var logMistakes: [String] {
        guard options.hasLogs, options.clones == 0, options.rollbacks == 0 else { return [] }
        var found: [String] = []
        for device in devices where device.disk.state.author.incarnation == 0 {
            let state = device.disk.state
            var last = Position.start
            var lines: [Int64] = []
            for (object, body) in logs(of: state.author) {
                if object.header.sequence != last.sequence + 1 || object.header.link != last.hash {
                    found.append("log \(object.header.sequence) of \(state.author) does not follow")
                }
                last = object.position
                lines += body.lines.map(\.sequence)
            }
            let settled = state.logs.range.last
            if last.sequence < settled.sequence { found.append("\(state.author) takes a log for stored") }
            let sealed = device.disk.sealedLines
            let stored = device.disk.waitingLines.first.map { $0 - 1 } ?? sealed
            guard lines == Array(Int64(1)..<Int64(lines.count + 1)), stored...sealed ~= Int64(lines.count)
            else {
                found.append("\(state.author) has lost or repeated lines of its log: \(lines)")
                continue
            }
        }
        return found
    }

    private func logs(of author: Author) -> [(SignedObject, LogBody)] {
        let names = store.objects.keys.compactMap { name -> (UInt64, SyncName)? in
            guard case .log(author, _, let number) = name else { return nil }
            return (number, name)
        }
        return names.sorted { $0.0 < $1.0 }.compactMap { _, name in
            do throws(SyncError) {
                let object = try SignedObject(store.objects[name]?.bytes ?? [], name: "l")
                return try (
                    object, LogBody(PaddedBody.decode(crypto.open(object, name: "l"), name: "l"), name: "l")
                )
            } catch { return nil }
        }
    }
}
