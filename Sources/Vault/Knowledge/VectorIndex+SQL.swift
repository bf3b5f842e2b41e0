internal import FoundationEssentials
internal import GRDB

/// The vectors of chunks. Like the chunks they are derived from documents, belong to this database alone and
/// never travel.
///
/// A space holds the vectors of one model in numbered slots. Beside the vectors themselves stand their codes
/// in blocks of 1,024 slots, so that a search reads few large rows and then the vectors of its candidates.
/// Ids of vectors and blocks are the space's number times 2^32, and the slot's or block's. A trigger takes a
/// chunk's vectors away with it, whoever removes it, and clears their codes in the same transaction.
///
/// `filled` is a row up to which every chunk has a vector. Rows are given out again only above the highest
/// that is left, and to that the trigger takes it back: so what is missing is found without looking at all.
enum VectorIndex {
    static let schema = """
        CREATE TABLE vector_space(
            id INTEGER PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, dimensions INTEGER NOT NULL,
            prefix_version TEXT NOT NULL, element TEXT NOT NULL, settings TEXT NOT NULL, state TEXT NOT NULL,
            centre BLOB NOT NULL DEFAULT x'', is_thorough INTEGER NOT NULL DEFAULT 0,
            filled INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
            UNIQUE(provider, model, dimensions, prefix_version, element));
        CREATE TABLE vector_block(
            id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, codes BLOB NOT NULL);
        CREATE TABLE vector(id INTEGER PRIMARY KEY, chunk INTEGER NOT NULL, value BLOB NOT NULL);
        CREATE INDEX vector_chunk ON vector(chunk);
        CREATE TABLE vector_free(id INTEGER PRIMARY KEY);
        CREATE TRIGGER chunk_gone AFTER DELETE ON chunk BEGIN
            UPDATE vector_block
            SET codes = vector_cleared(codes, v.id & 1023), generation = generation + 1
            FROM (SELECT id FROM vector WHERE chunk = old.row) v
            WHERE vector_block.id = ((v.id >> 32) << 32) | ((v.id & 4294967295) >> 10);
            INSERT INTO vector_free(id) SELECT id FROM vector WHERE chunk = old.row;
            DELETE FROM vector WHERE chunk = old.row;
            UPDATE vector_space SET filled = ifnull((SELECT max(row) FROM chunk), 0)
            WHERE filled > ifnull((SELECT max(row) FROM chunk), 0);
        END;
        """

    /// A space's generation tells whoever keeps its codes in memory whether any block was changed.
    static let generations = """
        ALTER TABLE vector_space ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
        CREATE TRIGGER vector_block_made AFTER INSERT ON vector_block BEGIN
            UPDATE vector_space SET generation = generation + 1 WHERE id = new.id >> 32;
        END;
        CREATE TRIGGER vector_block_changed AFTER UPDATE ON vector_block BEGIN
            UPDATE vector_space SET generation = generation + 1 WHERE id = new.id >> 32;
        END;
        CREATE TRIGGER vector_block_gone AFTER DELETE ON vector_block BEGIN
            UPDATE vector_space SET generation = generation + 1 WHERE id = old.id >> 32;
        END;
        """

    /// How many vectors a space had when its centre was looked at.
    static let centred = "ALTER TABLE vector_space ADD COLUMN centred INTEGER NOT NULL DEFAULT 0;"

    /// `vector_cleared(codes, slot)`: the block without what it holds of the slot.
    static let cleared = DatabaseFunction("vector_cleared", argumentCount: 2, pure: true) { values in
        guard let codes = Data.fromDatabaseValue(values[0]), let slot = Int.fromDatabaseValue(values[1])
        else {
            return nil
        }
        var block = Array(codes)
        CodeBlock.set(nil, at: slot, in: &block)
        return Data(block)
    }

    /// Ids of a space: vectors by their slots, blocks by their numbers.
    static func ids(of space: Int64) -> ClosedRange<Int64> { space << 32...(space << 32 | 0xFFFF_FFFF) }
}
