// A module without a function for any target.

export const answer = 42;
