internal import Cryptography
internal import FileSystem

extension DirectoryStore {
    public func beginParts(_ name: ObjectName) throws -> PartsID {
        let id = PartsID(Hexadecimal.text(try RandomBytes.bytes(16)))
        try Files.createDirectory(partsPath(id))
        return id
    }

    public func putPart(_ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody) throws -> ETag {
        let directory = try existing(name, id)
        guard 1...10_000 ~= number else { throw StorageError(.refused, "there is no part \(number)") }
        try Durable.rename(try stage(body), to: "\(directory)/\(number)")
        return ETag("part-\(number)")
    }

    public func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        let directory = try existing(name, id)
        let temporary = try temporaryPath()
        do {
            let whole = try File.open(temporary, .createNew)
            var end: Int64 = 0
            for (index, etag) in parts.enumerated() {
                let path = "\(directory)/\(index + 1)"
                guard etag.text == "part-\(index + 1)", try Files.exists(path) else {
                    throw StorageError(.refused, "\(name): part \(index + 1) is missing")
                }
                let part = try File.open(path, .read)
                var offset: Int64 = 0
                while case let piece = try part.read(count: 1 << 18, at: offset), !piece.isEmpty {
                    try whole.write(piece, at: end)
                    offset += Int64(piece.count)
                    end += Int64(piece.count)
                }
            }
            try whole.sync()
        } catch {
            try Durable.remove(temporary)
            throw error
        }
        let etag = try publish(temporary, name, condition)
        try Files.removeTree(directory)
        return etag
    }

    public func abortParts(_ name: ObjectName, _ id: PartsID) throws {
        guard Hexadecimal.bytes(id.text)?.count == 16 else { return }
        try Files.removeTree(partsPath(id))
    }

    private func partsPath(_ id: PartsID) -> String { root + "/" + Self.ownPrefix + "parts-" + id.text }

    private func existing(_ name: ObjectName, _ id: PartsID) throws -> String {
        guard Hexadecimal.bytes(id.text)?.count == 16, try Files.exists(partsPath(id)) else {
            throw StorageError(.notFound, "\(name) is not being sent in parts")
        }
        return partsPath(id)
    }
}
