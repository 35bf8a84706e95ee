// The page's words in both languages.

import { da } from './words.da.js';
import { en } from './words.en.js';

/** @type {Record<'en'|'da', Record<string, string>>} */
export const WORDS = { en, da };
