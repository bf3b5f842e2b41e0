internal import KeyRing

extension BackupIndex {
    static func longestChain(_ chains: [[[UInt8]]], running: Roster?) -> Roster? {
        var longest = running
        for chain in chains {
            // One that does not verify is named when its manifest is judged.
            guard case .success(let roster) = verified(chain) else { continue }
            guard let current = longest else {
                longest = roster
                continue
            }
            if roster.vaultID == current.vaultID && roster.extends(current) { longest = roster }
        }
        return longest
    }

    private static func verified(_ chain: [[UInt8]]) -> Result<Roster, KeyError> {
        do throws(KeyError) { return .success(try Roster(verifying: chain)) } catch { return .failure(error) }
    }

    /// Vault, chain, role, incarnation, pins, signature.
    ///
    /// - Returns: the writer's role.
    func judge(
        _ head: ManifestHead, _ object: String, _ chain: [[UInt8]]
    ) throws(BackupError) -> MemberRole {
        guard let roster else { throw .integrity(object, "no roster chain verifies") }
        guard head.vaultID == roster.vaultID.bytes else {
            throw .integrity(object, "a backup of another vault")
        }
        guard let id = DeviceID(head.deviceID) else { throw .integrity(object, "an unknown writer") }
        guard let recordCount = roster.recordCount(known: chain, by: id) else {
            throw .integrity(object, "its roster chain is a fork of the vault's")
        }
        let place = ManifestPlace(
            device: id, incarnation: head.incarnation, sequence: head.sequence, hash: head.hash,
            recordCount: recordCount)
        let authority: Roster.ManifestAuthority
        do throws(KeyError) { authority = try roster.manifestAuthority(at: place) } catch {
            throw .integrity(object, error.message)
        }
        try head.verify(publicKey: authority.key, object: object)
        return authority.role
    }

    /// Why nobody who may vouches for how fresh a manifest's state is; nil when its writer does itself, or a
    /// statement that counts.
    ///
    /// - Throws: `.integrity` for what a machine without keys may not write.
    func doubt(
        _ candidate: Candidate, _ role: MemberRole, _ chain: [[UInt8]]
    ) throws(BackupError) -> String? {
        let object = candidate.name.description
        guard let statement = candidate.statement else {
            if role.backsUp { return nil }
            guard candidate.head.kind == .backup, acceptsUnanchored else {
                throw .integrity(object, Roster.makesNoBackups(role))
            }
            return "no statement"
        }
        guard let roster else { return "no roster" }
        do throws(BackupError) {
            try statement.verify(chain: chain, under: roster, object: object)
            return nil
        } catch {
            return error.message
        }
    }

    /// What may be missing here.
    struct Pruned {
        var heads: [BackupStore.Name: ManifestHead] = [:]
        var lost: [LostLinks] = []

        /// Whether all of these were given up.
        func isLost(_ links: LostLinks) -> Bool {
            lost.contains {
                $0.device == links.device && $0.incarnation == links.incarnation && $0.first <= links.first
                    && links.last <= $0.last
            }
        }
    }

    /// What the believed prune records of this location removed. A record that its writer may not make, or
    /// that names what nobody signed, is void as a whole, and named; it stays a link of its chain. A record
    /// that a later one removed counts no more.
    mutating func pruned(by believed: [Candidate], _ chains: [[[UInt8]]]) -> Pruned {
        var accepted: [(name: BackupStore.Name, record: PruneClear)] = []
        for candidate in believed {
            guard let record = candidate.pruned, counts(record.location, candidate.head) else { continue }
            let chain = chains[candidate.chain]
            do throws(BackupError) {
                for head in record.removed { try requireRight(of: candidate, chain, toRemove: head) }
                for links in record.lost { try requireRight(of: candidate, chain, over: links.device) }
                accepted.append((candidate.name, record))
            } catch {
                void(candidate.name, error.message)
            }
        }
        let later = Set(accepted.flatMap { $0.record.removed.map { BackupStore.Name($0) } })
        var pruned = Pruned()
        for (name, record) in accepted where !later.contains(name) {
            let own = record.removed.map { (BackupStore.Name($0), $0) }
            guard own.allSatisfy({ name, head in pruned.heads[name].map { $0 == head } ?? true }) else {
                void(name, "it names another manifest than the record before it")
                continue
            }
            pruned.heads.merge(own) { first, _ in first }
            pruned.lost += record.lost
        }
        for (name, record) in accepted where later.contains(name) && pruned.heads[name] == nil {
            // What would have removed it turned out to be void.
            pruned.heads.merge(record.removed.map { (BackupStore.Name($0), $0) }) { first, _ in first }
            pruned.lost += record.lost
        }
        return pruned
    }

    private mutating func void(_ name: BackupStore.Name, _ reason: String) {
        notices.append(
            Failure(
                object: name.description, reason: "a prune record that counts for nothing: \(reason)",
                code: .integrity))
    }

    /// Whether a record speaks of this location.
    private func counts(_ recorded: [UInt8], _ head: ManifestHead) -> Bool {
        switch location {
        case .local(let device): recorded == location.id && head.deviceID == device
        case .remote(let id): recorded == id
        case .unknown: true
        }
    }

    /// In its own store a device removes what it likes; elsewhere its own backups, or everybody's if it was
    /// an administrator when it did.
    private func requireRight(
        of record: Candidate, _ chain: [[UInt8]], over device: [UInt8]
    ) throws(BackupError) {
        let object = record.name.description
        guard device != record.head.deviceID else { return }
        guard known(device) != nil else { throw .integrity(object, "it names an unknown writer") }
        if case .local = location { return }
        guard case .success(let then) = Self.verified(chain),
            let author = DeviceID(record.head.deviceID).flatMap({ then.member($0) }),
            author.role.administers
        else { throw .integrity(object, "its writer may not remove another's backups") }
    }

    /// Who is or was a member.
    private func known(_ device: [UInt8]) -> Roster.Member? {
        guard let roster, let id = DeviceID(device) else { return nil }
        return roster.member(id) ?? roster.former.first { $0.id == id }
    }

    /// What a record says of others must bear their signatures, or it could break their chains.
    private func requireRight(
        of record: Candidate, _ chain: [[UInt8]], toRemove head: ManifestHead
    ) throws(BackupError) {
        let object = record.name.description
        try requireRight(of: record, chain, over: head.deviceID)
        guard head.vaultID == record.head.vaultID else { throw .integrity(object, "it is of another vault") }
        guard head.deviceID != record.head.deviceID else {
            let isItself =
                head.incarnation == record.head.incarnation && head.sequence >= record.head.sequence
            guard !isItself else { throw .integrity(object, "it removes itself or what comes after it") }
            return
        }
        guard let member = known(head.deviceID) else { return }
        let isSigned = member.signingKeys.contains { era in
            do throws(BackupError) {
                try head.verify(publicKey: era.key, object: object)
                return true
            } catch { return false }
        }
        guard isSigned else { throw .integrity(object, "it names a manifest that nobody signed") }
    }

    /// Follows every writer's chain, through what was pruned. A manifest whose predecessor is known and is
    /// another one is not believed; a predecessor that is missing is named, and the rest still counts.
    mutating func link(_ believed: [BackupStore.Name: Candidate], _ pruned: Pruned) {
        var before: (name: BackupStore.Name, hash: [UInt8])?
        var newest: [[UInt8]: FreshnessStatement] = [:]
        for name in Set(believed.keys).union(pruned.heads.keys).sorted() {
            let object = name.description
            guard let head = pruned.heads[name] ?? believed[name]?.head else { continue }
            let hash = head.hash
            if let present = believed[name], pruned.heads[name] != nil {
                if present.head.hash == hash {
                    leftovers.append(name)
                } else {
                    fail(name, .integrity(object, "another manifest than the one that was pruned"))
                }
            }
            let follows =
                before.map { $0.name.writer == name.writer && $0.name.incarnation == name.incarnation }
                ?? false
            let expected = follows ? (before?.name.sequence ?? 0) + 1 : 1
            if name.sequence != expected {
                let links = LostLinks(
                    device: head.deviceID, incarnation: name.incarnation, first: expected,
                    last: name.sequence - 1)
                if !pruned.isLost(links) { miss(links, before: object) }
            } else if follows, let before, head.previous != before.hash {
                fail(name, .integrity(object, "the chain is broken: it does not follow the one before"))
                continue
            }
            heads[name] = head
            before = (name, hash)
            if var present = believed[name], pruned.heads[name] == nil {
                follow(&present, &newest)
                add(present)
            }
        }
    }

    /// A machine without keys that goes back to an older state, with the statement that was true then, makes
    /// its newest backup an old one: nobody vouches for that.
    private func follow(_ candidate: inout Candidate, _ newest: inout [[UInt8]: FreshnessStatement]) {
        guard candidate.doubt == nil, let statement = candidate.statement else { return }
        let database = candidate.head.deviceID + statement.databaseID
        if let last = newest[database], statement.isOlder(than: last) {
            candidate.doubt = "its state is older than the one that was backed up before it"
        } else {
            newest[database] = statement
        }
    }

    private mutating func miss(_ links: LostLinks, before object: String) {
        gaps.append(links)
        let reason = "manifests \(links.first) to \(links.last) before it are missing"
        breaks.append(Failure(object: object, reason: reason, code: .rollback))
    }

    private mutating func add(_ candidate: Candidate) {
        guard let record = candidate.pruned else {
            if let doubt = candidate.doubt, !acceptsUnanchored {
                unanchored.append(candidate.name)
                notices.append(
                    Failure(
                        object: candidate.name.description,
                        reason: "nobody vouches for how fresh it is: \(doubt)", code: .integrity))
                return
            }
            entries.append(
                Entry(
                    name: candidate.name, head: candidate.head, id: Self.idText(candidate.id),
                    statement: candidate.doubt == nil ? candidate.statement : nil,
                    isUnanchored: candidate.doubt != nil))
            return
        }
        records.append(
            Record(
                name: candidate.name, head: candidate.head, location: record.location,
                removed: record.removed, lost: record.lost))
    }
}
