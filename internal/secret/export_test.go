package secret

// Forms lists what a Redactor of the values looks for.
func Forms(values ...string) []string {
	var all []string
	for _, value := range values {
		for _, form := range forms(value) {
			if len(form) >= minMasked {
				all = append(all, form)
			}
		}
	}
	return all
}
