internal import Vault

/// What former lives of this device have in the remote above where the roster ended them.
///
/// Whoever ended such a life may have been shown less than there was: by a remote that stood still, or before
/// a late write arrived. What stands there counts for nobody. So now and then this device looks past the ends
/// of its former lives, and writes what it finds and does not hold again in its present one, under its old
/// stamps: a life that was ended too early costs time and no change.
extension SyncMachine {
    /// One segment of a lane at a time, until nothing more is there. The roster was read before, since these
    /// segments may name records that are new here.
    mutating func lookPastEnds() {
        guard round?.looksAtAll == true, round?.hasReadRoster == true, state.halt == nil else { return }
        let device = state.author.device
        let former = membership.lives(of: device).filter {
            $0 != state.author.incarnation && $0 != state.formerLife
        }
        for life in former {
            for stream in SyncStream.all {
                let lane = Lane(author: Author(device: device, incarnation: life), stream: stream)
                guard let end = membership.pin(of: lane)?.sequence else {
                    // It counts as far as it goes.
                    probe(lane)
                    continue
                }
                let next = max(end, state.reissued[lane] ?? 0) + 1
                guard next > round?.askedPastEnd[lane] ?? 0, hasRoom else { continue }
                round?.askedPastEnd[lane] = next
                get(.segment(lane, next), limit: Self.segmentLimit, .voided(lane, next))
            }
        }
    }

    /// The link to the one before is of no weight here: what this device has signed, it has written.
    mutating func receivedVoided(_ lane: Lane, _ sequence: UInt64, _ answer: RemoteAnswer) {
        let name = "s/\(lane)/\(sequence)"
        switch answer {
        case .object(let bytes, _):
            do throws(SyncError) {
                let object = try SignedObject(bytes, name: name)
                guard object.header.lane == lane, object.header.sequence == sequence else {
                    throw .integrity(name, "it belongs elsewhere")
                }
                guard case .known = knowledge(of: object.header) else {
                    throw .integrity(name, "it names a roster record that is missing or another one")
                }
                let content = try open(object, as: .segment, name: name)
                let batches = try OpBatch.decode(content, by: lane.author, name: name)
                commit([.reissue(SegmentPlace(lane: lane, sequence: sequence), batches)])
            } catch { block(lane, SyncAlarm(.tampered, name, by: lane.author, error.message)) }
        case .absent: break
        case .tooLong:
            block(lane, SyncAlarm(.tampered, name, by: lane.author, "it is larger than any can be"))
        default: fail(answer)
        }
    }
}
