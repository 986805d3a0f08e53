// The words that `tagged-sentences.ts` puts together: names of people, places, makers and peoples, and frames of sentences.

const list = (text: string): readonly string[] => text.trim().split(/\s+/);

export const given: readonly string[] = list(`
  Aaron Abigail Ada Adele Adrian Agnes Ahmed Aisha Akira Alan Albert Alejandro Alexander Alice Alina Amara Amelia Amir Ana Anders Andrea
  Andrew Angela Anita Anna Anneke Antonio Arjun Arthur Astrid Barbara Beatrice Benjamin Bernard Bianca Birgit Boris Brian Bridget Bruno
  Camille Carla Carlos Carmen Caroline Catherine Cecilia Charles Charlotte Chen Chiara Chloe Christian Clara Claudia Conrad Cora Cyril
  Daniel Daria David Deborah Deepa Delia Diego Dmitri Dominic Dora Edgar Edith Eduardo Elena Eleanor Elias Elif Elisabeth Ella Emil Emma
  Enrique Erik Esther Eva Fabian Farid Fatima Felix Fernando Fiona Florian Frances Francesco Franz Frederik Gabriel Gareth Georg Gerda
  Gianni Grace Greta Gustav Hamid Hana Hannah Harold Harriet Hassan Hector Heidi Helen Helmut Henrik Hiroshi Hugo Ibrahim Ida Igor Ilse
  Imran Ines Ingrid Irene Isaac Isabel Ivan Jack Jacob Jan Jana Jasmin Javier Jean Jelena Jennifer Jens Jiro Joan Johanna Jonas Jorge
  Joseph Judith Julia Julian Kamal Karen Karim Karl Katarina Keiko Kenneth Kirsten Klaus Kofi Lars Laura Leila Leo Leonard Lidia Lin
  Linda Liv Lorenzo Louise Lucas Lucia Ludwig Magda Manuel Marc Marcus Margaret Maria Mariam Marina Mark Marta Martin Mathilde Matteo
  Maya Mehmet Mei Michael Mikael Mina Miriam Mohammed Monica Nadia Naomi Natalia Nicholas Niels Nina Noah Nora Olga Oliver Olivia Omar
  Oscar Otto Pablo Paolo Patricia Paul Pavel Pedro Petra Philip Pierre Priya Rachel Rafael Rahul Ravi Rebecca Renata Richard Rita Robert
  Roberto Rosa Ruth Sabine Salma Samir Samuel Sandra Sara Sebastian Selma Sergio Sigrid Silvia Simon Sofia Stefan Stella Susan Sven Tamar
  Tariq Teresa Theodor Thomas Tilda Tobias Tomas Ulrich Umberto Ursula Valentina Vera Victor Vikram Vincent Viola Walter Wanda Werner
  Wilhelm Xavier Yasmin Yuki Yusuf Yvonne Zara Zoe`);

export const families: readonly string[] = list(`
  Abbott Adeyemi Aguilar Ahmadi Albrecht Almeida Andrade Baker Banerjee Barros Baumann Becker Bellini Bennett Bergmann Bianchi Boateng
  Bowman Brandt Brennan Bukowski Cabrera Campbell Cardoso Carvalho Castillo Chandra Chowdhury Costa Crawford Dahl Delgado Dietrich
  Dlamini Dubois Dupont Duval Eriksen Esposito Farrell Ferreira Fischer Fletcher Fontaine Fournier Fraser Fujita Gallagher Garcia
  Gonzalez Grieg Gupta Haddad Hartmann Hayashi Herrera Hoffmann Horvat Hughes Ibarra Ivanova Jankowski Jansen Jensen Kapoor Karlsson
  Kaya Keller Khalil Kimura Kowalski Kramer Kumar Lambert Larsen Lefevre Leung Lombardi Lopez Maier Marchetti Martinez Mbeki Mehta
  Mendoza Meyer Moreau Moretti Mueller Murphy Nakamura Navarro Novak Nowak Obi Okafor Olsen Ortega Owens Palmer Patel Pereira Petrov
  Pham Popescu Quinn Ramirez Rasmussen Reyes Ricci Rossi Ruiz Santos Sato Schmidt Schneider Serrano Shah Sharma Silva Simmons Singh
  Sorensen Suarez Suzuki Takahashi Tanaka Torres Tran Ueda Usman Varga Vasquez Vogel Wagner Walsh Watanabe Weber Whitfield Winkler
  Wolff Yamada Yilmaz Zeller Zhang Zimmermann`);

export const cities: readonly string[] = list(`
  Aarhus Abuja Accra Adelaide Algiers Almaty Ankara Antwerp Athens Auckland Baku Bamako Bangkok Barcelona Basel Beirut Belgrade Bergen
  Berlin Bern Bilbao Bogota Bologna Bordeaux Boston Brasov Bratislava Bremen Brisbane Bristol Brussels Bucharest Budapest Cairo Calgary
  Canberra Caracas Cardiff Casablanca Chennai Chicago Cologne Copenhagen Cork Dakar Dallas Damascus Delhi Denver Dhaka Dresden Dublin
  Durban Edinburgh Florence Frankfurt Freiburg Gdansk Geneva Genoa Ghent Glasgow Gothenburg Granada Graz Grenoble Hamburg Hanoi Havana
  Helsinki Houston Innsbruck Istanbul Izmir Jakarta Jena Johannesburg Kabul Karachi Kathmandu Khartoum Kiel Kigali Kingston Kolkata
  Krakow Kyoto Lagos Lahore Leipzig Leuven Lima Lisbon Liverpool Ljubljana Lodz Lusaka Lyon Madrid Malaga Malmo Manila Maputo Marseille
  Melbourne Mexico Milan Minsk Montevideo Montreal Moscow Mumbai Munich Nairobi Nantes Naples Nicosia Odense Odessa Osaka Oslo Ottawa
  Palermo Paris Perth Plovdiv Porto Prague Pretoria Quito Rabat Riga Rome Rotterdam Salzburg Santiago Sarajevo Seoul Seville Shanghai
  Sofia Stavanger Stockholm Stuttgart Sydney Tallinn Tampere Tehran Tirana Tokyo Toronto Toulouse Trieste Tripoli Tunis Turin Uppsala
  Utrecht Valencia Vancouver Verona Vienna Vilnius Warsaw Wellington Windhoek Yerevan Zagreb Zurich`);

export const makers: readonly string[] = list(`
  Acumen Altair Ambrosia Aquila Arcadia Argonaut Atlas Aurora Axiom Beacon Borealis Calypso Cascade Centaur Cobalt Corvus Crescent
  Delphi Draco Eclipse Elysium Equinox Falcon Galileo Gemini Halcyon Helios Horizon Hyperion Icarus Juno Keystone Lumen Magellan
  Meridian Mistral Nautilus Nebula Nimbus Obsidian Olympus Orion Pegasus Phoenix Pinnacle Polaris Prometheus Quasar Sirius Solaris
  Spectrum Summit Tempest Titan Triton Vanguard Vega Vertex Zenith Zephyr`);

/** Words made of two parts: there are more of them than can be learnt by heart. */
export const stems: {
  readonly [kind in "family" | "place" | "maker"]: {
    readonly heads: readonly string[];
    readonly tails: readonly string[];
  };
} = {
  family: {
    heads:
      list(`Ander Arden Berg Bjork Black Brack Carl Dal Eden Ek Fair Frid Gold Gran Green Hag Hall Hart Has Hol Kirk Lind Lock Mal
      Nord Nor Oak Peder Ravn Rose Sand Sel Sjo Stan Strand Thor Vester Wald West Whit Win Wood`),
    tails: list("berg gren holm ley lund man mark quist rup sen son stein strom ton well wick worth"),
  },
  place: {
    heads:
      list(`Alder Ash Bal Barn Birk Brad Carn Clay Dor Dun East El Fal Ger Glen Gran Hel Holl Ken Kil Lan Lind Mar Mil Nord Nor Oden
      Os Pem Rad Rav Ren Rud Salt Shel Stan Sund Tor Ulver Wal Wex Win Yar`),
    tails: list(
      "borough bourne burg bury by dale fjord ford gate ham haven heim hurst mouth moor pool port stad stead vale ville wick",
    ),
  },
  maker: {
    heads:
      list(`Agro Aero Alto Bio Cyber Data Dyna Electro Ener Ever Geo Gen Hydro Inno Kine Lumi Max Medi Micro Neo Neuro Nova Omni
      Opti Pan Petro Pharma Poly Quanta Robo Sana Syn Tele Terra Trans Uni Velo Veri Xeno Zen`),
    tails: list(
      "bit core com corp dyne flex gen lex link max media mind net nix nova plex ron soft star sys tec tel tron via ware wave",
    ),
  },
};

export const peoples: readonly string[] = list(`
  Albanian Algerian American Argentine Armenian Australian Austrian Bangladeshi Basque Belgian Bolivian Bosnian Brazilian British
  Bulgarian Cambodian Canadian Catalan Chilean Chinese Colombian Croatian Cuban Cypriot Czech Danish Dutch Ecuadorian Egyptian English
  Estonian Ethiopian European Finnish Flemish French Georgian German Ghanaian Greek Hungarian Icelandic Indian Indonesian Iranian Iraqi
  Irish Israeli Italian Jamaican Japanese Jordanian Kazakh Kenyan Korean Kurdish Latvian Lebanese Libyan Lithuanian Macedonian Malaysian
  Maltese Mexican Moldovan Mongolian Moroccan Nepalese Nigerian Norwegian Pakistani Palestinian Panamanian Persian Peruvian Polish
  Portuguese Romanian Russian Scottish Senegalese Serbian Slovak Slovenian Somali Spanish Swedish Swiss Syrian Tanzanian Thai Tunisian
  Turkish Ugandan Ukrainian Uruguayan Venezuelan Vietnamese Welsh Zambian`);

export const fields: readonly string[] = list(`
  Agriculture Astronomy Chemistry Culture Defence Economics Education Energy Engineering Finance Health Justice Labour Medicine Physics
  Technology Transport`);
export const events: readonly string[] = [
  ...[
    "Marathon",
    "Open",
    "Film Festival",
    "Grand Prix",
    "Cup",
    "Book Fair",
    "Jazz Festival",
    "Biennale",
    "Championship",
    "Air Show",
  ],
];

/** What stands for `<day>` and the like in a frame. */
export const words: { readonly [name: string]: readonly string[] | undefined } = {
  day: list("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
  month: list("January February March April May June July August September October November December"),
  year: list("1987 1994 1999 2003 2008 2011 2015 2018 2021 2023"),
  number: list("two three four five seven twelve 15 20 38 46 120 250 900"),
  job: [
    "architect",
    "chemist",
    "coach",
    "economist",
    "engineer",
    "goalkeeper",
    "historian",
    "journalist",
    "judge",
    "lawyer",
    "nurse",
  ],
  role: [
    "chief executive",
    "chairwoman",
    "spokesman",
    "president",
    "director",
    "founder",
    "finance chief",
    "head of research",
  ],
  thing: [
    "bridge",
    "contract",
    "factory",
    "hospital",
    "library",
    "museum",
    "pipeline",
    "railway line",
    "school",
    "stadium",
    "theatre",
  ],
  news: [
    "the new budget",
    "the strike",
    "the merger",
    "rising prices",
    "the accident",
    "the results",
    "the election",
    "the storm",
  ],
  adjective:
    list(`angry beautiful blue broken careful cheap clean cold dangerous dark early empty expensive famous foreign friendly green
    heavy hidden honest huge independent lazy local loud modern narrow noisy old painful popular private public quiet rare recent red
    rich rural rusty secret serious short silent simple slow small strange strong sudden sweet tired ugly unknown useful warm wide young`),
  noun: list(`advice apple army attack bakery ballot bench bicycle boat book bottle branch bread camera candle car castle cat church coffee
    computer concert cottage country crowd curtain debate dinner dog door dream engine evening farm film flood flower forest fountain
    game garden glass harvest hill hotel house idea insurance island journey kitchen ladder lamp law letter machine market meeting
    mistake money morning mountain neighbour newspaper orchestra painting parcel party plan player promise question radio recipe report
    river rumour school season secret ship shop song speech station story street summer teacher telephone ticket tower tractor treasure
    valley village voice wagon wall weather wedding window winter`),
  verb: list(`accept answer arrive avoid begin believe borrow break build burn carry change choose climb close collect continue cook
    count cross dance defend deliver deny describe destroy discover draw drive earn employ enjoy escape explain fight finish follow
    forget gather grow guess hide hope ignore improve invent join keep know laugh lead leave lend listen lose move need obey offer open
    order paint pay perform play prepare protect prove publish punish push reach read refuse remember repair repeat rescue rest return
    save search sell share shout sing sleep speak spend stay steal succeed suffer teach test thank think train travel trust visit
    wait walk warn wash watch win work worry write`),
  adverb: list(
    "again almost alone always badly clearly early easily finally gladly hardly later never often once quickly quietly rarely",
  ),
  said: ["said", "announced", "confirmed", "told reporters", "wrote in a letter", "admitted"],
  when: [
    "last week",
    "yesterday",
    "in the spring",
    "on Friday",
    "earlier this year",
    "two days ago",
    "after long talks",
  ],
};

/** A slot in braces is a name (`slots` of tagged-sentences.ts), one in angles a word of the lists above. */
export const frames: readonly string[] = [
  "{PERSON}, a <job> from {CITY}, <said> on <day> that <news> came as a surprise.",
  "{PERSON} was born in {CITY} in <year> and studied at {SCHOOL}.",
  "shares of {FIRM} fell <number> percent on <day> after <news>.",
  "the {PEOPLE} <job> {PERSON} moved to {CITY} <when>.",
  "{FIRM} named {PERSON} as its new <role> <when>.",
  "{PERSON}, <role> of {FIRM}, <said> that <number> people would lose their jobs.",
  "{FIRM} will open a <thing> near {SPOT} in <month>.",
  "the <thing> in {SPOT} was built by {FIRM} in <year>.",
  "police in {CITY} arrested <number> people <when>, {OFFICE} <said>.",
  "{PERSON} won the {EVENT} in {CITY} <when>.",
  "{PERSON} beat {PERSON} in the final of the {EVENT} on <day>.",
  "thousands of visitors came to {CITY} for the {EVENT}.",
  "{FIRM} and {FIRM} signed an agreement about the <thing> in {CITY} on <day>.",
  "one {PEOPLE} company bought {FIRM} for <number> million euros <when>.",
  "{PERSON} and {PERSON} will travel from {CITY} to {SPOT} in <month>.",
  "rain is expected in {CITY} and {SPOT} on <day>.",
  "the {LAW} was signed in <year> by <number> countries.",
  "lawmakers voted for the {LAW} on <day>, despite <news>.",
  "according to {OFFICE}, exports to {CITY} rose by <number> percent in <month>.",
  "{PERSON} joined {TEAM} from {TEAM} <when>.",
  "the <job> {PERSON} received the {PRIZE} in <year>.",
  '"We are ready," {PERSON} told {OFFICE} <when>.',
  "{PERSON} <said> <news> had hurt {PEOPLE} farmers.",
  "the {PEOPLE} government <said> on <day> that it would pay for the <thing>.",
  "flights from {CITY} to {CITY} were cancelled because of <news>.",
  "{FIRM} has <number> offices, the largest of them in {CITY}.",
  "the <role> of {FIRM}, {PERSON}, was not in {CITY} on <day>.",
  "researchers at {SCHOOL} led by {PERSON} published their work in <month>.",
  "the {PEOPLE} team lost to {TEAM} by <number> points <when>.",
  "{PERSON} scored twice as {TEAM} beat {TEAM} in {CITY}.",
  "the people of {CITY} waited <number> hours for news about {PERSON}.",
  "after <news>, {FIRM} closed its <thing> in {SPOT}.",
  "{PERSON} speaks {PEOPLE} and {PEOPLE}.",
  "the novel was translated from {PEOPLE} by {PERSON}.",
  "Mr {SURNAME} met Mrs {SURNAME} at a <thing> in {CITY} in <year>.",
  "no one at {OFFICE} could be reached on <day>.",
  "the court in {CITY} heard {PERSON} for <number> hours on <day>.",
  "{FIRM} sued {FIRM} over the <thing> in <month> <year>.",
  "the road between {CITY} and {SPOT} is closed until <month>.",
  "prices went up by <number> percent <when>, and nobody could say why.",
  "the <thing> was empty on <day>, and the <job> went home early.",
  "in {CITY}, {PERSON} <said> that {TEAM} would never leave the city.",
  "tickets for the {EVENT} cost <number> euros, {PERSON} <said>.",
  "{PEOPLE} voters go to the polls on <day>.",
  "{CITY}, <month> <year>: {FIRM} reports on <news>.",
  "when {PERSON} left {CITY}, the {PEOPLE} press wrote about <news>.",
  "the <job> asked {PERSON} about the {LAW}, but got no answer.",
  "{FIRM} hired <number> people in {CITY} <when>.",
  "{OFFICE} gave the {PRIZE} to {PERSON} <when>.",
  "{SURNAME} <said> that {PEOPLE} exports would suffer from <news>.",
  "{PERSON} <said> that the <adjective> <noun> would <adverb> <verb>.",
  "nobody in {CITY} knew why the <noun> was <adjective>.",
  "the <adjective> <noun> near the <noun> did not <verb> after all.",
  "to <verb> was <adjective>, but to <verb> was worse, {PERSON} <said>.",
  "they <adverb> <verb> and <verb>, the <job> wrote.",
  "{FIRM} sold the <adjective> <noun> to {FIRM} <when>.",
  "it would <verb> the <noun> and the <adjective> <noun>, according to {OFFICE}.",
  "{PERSON} had to <verb> before the <noun> in {SPOT} could <verb>.",
  "{PERSON}, who wants to <verb>, met the <adjective> <job> at the {EVENT}.",
  "the <noun> that {PERSON} wrote about the {LAW} was <adjective>.",
  "{TEAM} could not <verb> without {PERSON}, the <adjective> <noun> of the team.",
];
