package access

const (
	// MaxTokenBytes bounds a token.
	MaxTokenBytes = 8 << 10
	// MaxSubjectBytes bounds the subject of an identity.
	MaxSubjectBytes = 256
)
