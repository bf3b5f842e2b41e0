// EncryptedSQLite
