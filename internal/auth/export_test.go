package auth

// CheapHashes makes password hashing fast, for tests that are about something else.
func (s *Service) CheapHashes() { s.hasher = newHasher(cost{Memory: 64, Time: 1, Threads: 1}) }
