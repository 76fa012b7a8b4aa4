//go:build !sim

package mirror

// planted is a bug that the simulation has to find: see e2e/sim. There is none in the product.
const planted = ""
