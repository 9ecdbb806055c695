/** Tailwind 4 is the one PostCSS step; its tokens live in app/globals.css. */
export default { plugins: { '@tailwindcss/postcss': {} } }
