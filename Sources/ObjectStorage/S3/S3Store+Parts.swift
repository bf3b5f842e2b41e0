/// C: CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload
extension S3Store {
    public func beginParts(_ name: ObjectName) throws -> PartsID {
        var call = Call("POST", key(name))
        call.query = [("uploads", "")]
        call.body = .bytes([])
        let root = try answer(call, name)
        guard let id = root["UploadId"]?.text, !id.isEmpty else { throw unreadable(name) }
        return PartsID(id)
    }

    public func putPart(_ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody) throws -> ETag {
        var call = Call("PUT", key(name))
        call.query = [("partNumber", String(number)), ("uploadId", id.text)]
        call.body = body
        guard let etag = try success(call, name.text).headers["etag"] else { throw unreadable(name) }
        return ETag(etag)
    }

    public func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        var call = Call("POST", key(name))
        call.query = [("uploadId", id.text)]
        call.headers += Self.headers(condition)
        let list = parts.enumerated().map { index, etag in
            "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\"\(etag.text)\"</ETag></Part>"
        }
        let text = "<CompleteMultipartUpload>\(list.joined())</CompleteMultipartUpload>"
        call.body = .bytes(Array(text.utf8))
        let root = try answer(call, name)
        guard let etag = root["ETag"]?.text, !etag.isEmpty else { throw unreadable(name) }
        return ETag(etag)
    }

    public func abortParts(_ name: ObjectName, _ id: PartsID) throws {
        var call = Call("DELETE", key(name))
        call.query = [("uploadId", id.text)]
        let response = try send(call)
        guard response.isSuccess || response.status == 404 else {
            throw S3Failure.error(response, name.text)
        }
    }

    /// The answer's document. One that begins as a success may still tell of a failure inside.
    private func answer(_ call: Call, _ name: ObjectName) throws -> MarkupElement {
        var bytes: [UInt8] = []
        var response = try send(call) { part in
            guard bytes.count + part.count <= 1 << 16 else { throw unreadable(name) }
            bytes.append(contentsOf: part)
        }
        guard response.isSuccess else { throw S3Failure.error(response, name.text) }
        guard let root = MarkupReader.read(bytes) else { throw unreadable(name) }
        if root.name == "Error" {
            response.failure = bytes
            response.status = 500
            throw S3Failure.error(response, name.text)
        }
        return root
    }

    private func unreadable(_ name: ObjectName) -> StorageError {
        StorageError(.failed, "\(name): the store's answer can't be read")
    }
}
