// chromium.js URL [option of Chromium]...
import { chromium } from 'playwright-core'

const [url, ...options] = process.argv.slice(2)
const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', ...options]
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args })
const page = await browser.newPage()

const shown = await page.evaluate(async url => {
  const response = await fetch(url)
  const reason = response.headers.get('EB-REASON-PHRASE')
  return `status: ${response.status}\nreason: ${reason}\nphrase: ${response.statusText}`
}, url).finally(() => browser.close())
console.log(shown)
