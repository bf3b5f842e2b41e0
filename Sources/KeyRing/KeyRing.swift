// KeyRing
