/** The runs that were selected to be compared, for as long as the page is open. */

export const MOST_PICKED = 10; // more cannot be told apart, and the API takes no more

export const picked = new Set();
