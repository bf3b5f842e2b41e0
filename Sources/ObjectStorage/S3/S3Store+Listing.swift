extension S3Store {
    /// C: ListObjectsV2. Pages go on from a name and not from the store's token, so that one that is lost
    /// can be asked for again, and another process can go on.
    public func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage {
        var call = Call("GET", "")
        let whole = location.prefix + prefix
        call.query = [("list-type", "2"), ("max-keys", String(min(max(1, limit), 1000)))]
        if !whole.isEmpty { call.query.append(("prefix", whole)) }
        if let after { call.query.append(("start-after", location.prefix + after)) }
        var answer: [UInt8] = []
        let response = try send(call) { bytes in
            guard answer.count + bytes.count <= MarkupReader.sizeLimit else {
                throw StorageError(.failed, "the store's listing is too long")
            }
            answer.append(contentsOf: bytes)
        }
        guard response.isSuccess else { throw S3Failure.error(response, "listing \(whole)") }
        guard let root = MarkupReader.read(answer), root.name == "ListBucketResult" else {
            throw StorageError(.failed, "the store's listing can't be read")
        }
        return try page(root, prefix: whole, after: after)
    }

    private func page(_ root: MarkupElement, prefix: String, after: String?) throws -> ObjectPage {
        var page = ObjectPage()
        var last = after.map { location.prefix + $0 }
        for entry in root.children where entry.name == "Contents" {
            guard let key = entry["Key"]?.text, key.utf8.starts(with: prefix.utf8),
                last.map({ $0.utf8.lexicographicallyPrecedes(key.utf8) }) ?? true
            else { throw StorageError(.failed, "the store's listing is not in order") }
            last = key
            let text = below(key)
            guard let name = ObjectName(text), let size = entry["Size"].flatMap({ UInt64($0.text) }),
                let etag = entry["ETag"]?.text
            else {
                page.foreign.append(text)
                continue
            }
            let modified = entry["LastModified"].flatMap { CivilTime(listing: $0.text) }?.milliseconds
            page.objects.append(ObjectInfo(name: name, size: size, etag: ETag(etag), modified: modified))
        }
        guard root["IsTruncated"]?.text == "true" else { return page }
        guard let last, last != after.map({ location.prefix + $0 }) else {
            throw StorageError(.unreachable, "the store's listing does not go on")
        }
        page.next = below(last)
        return page
    }

    /// A key without the store's prefix.
    private func below(_ key: String) -> String {
        String(decoding: key.utf8.dropFirst(location.prefix.utf8.count), as: UTF8.self)
    }
}
