// The site that these pages embed. Its settings have to name the origin of these pages; `make demo`
// serves both, and puts the right address here.
export const SITE = 'http://127.0.0.1:8000/';
